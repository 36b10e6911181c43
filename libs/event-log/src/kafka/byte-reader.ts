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

  /** Zigzag varint or varlong (deltas of time and offset, lengths). */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.bytes[this.advance(1)] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A length as varint and as many bytes; null for length -1. */
  varBytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.slice(length);
  }

  private advance(length: number): number {
    const at = this.offset;
    this.offset += length;
    if (this.offset > this.bytes.length) throw new RangeError('The Kafka message ends too early');
    return at;
  }
}
