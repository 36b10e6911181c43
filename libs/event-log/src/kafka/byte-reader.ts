/** Reads Kafka's primitive types from a buffer, in order. Byte fields are views of the buffer, not copies. */
export class ByteReader {
  constructor(
    private readonly bytes: Buffer,
    public offset = 0,
  ) {}

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  int8(): number {
    return this.bytes.readInt8(this.advance(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.advance(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.advance(4));
  }

  /** Positions, times and producer ids: all far below 2^53. */
  int64(): number {
    const at = this.advance(8);
    return this.bytes.readInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
  }

  string(): string {
    const length = this.int16();
    return length < 0 ? '' : this.slice(length).toString('utf8');
  }

  slice(length: number): Buffer {
    const at = this.advance(length);
    return this.bytes.subarray(at, at + length);
  }

  private advance(length: number): number {
    const at = this.offset;
    this.offset += length;
    if (this.offset > this.bytes.length) throw new RangeError('The Kafka message ends too early');
    return at;
  }
}
