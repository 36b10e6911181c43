/** Writes Kafka's primitive types into a buffer that grows. */
export class ByteWriter {
  private bytes: Buffer;
  private length = 0;

  constructor(expectedBytes = 1_024) {
    this.bytes = Buffer.allocUnsafe(expectedBytes);
  }

  /** What was written, as a view. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  get size(): number {
    return this.length;
  }

  int8(value: number): this {
    const at = this.grow(1);
    this.bytes.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.grow(2);
    this.bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.grow(4);
    this.bytes.writeInt32BE(value, at);
    return this;
  }

  int64(value: number): this {
    const at = this.grow(8);
    this.bytes.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  string(text: string): this {
    return this.int16(Buffer.byteLength(text)).raw(text);
  }

  raw(value: Buffer | string): this {
    const at = this.grow(Buffer.byteLength(value));
    if (typeof value === 'string') this.bytes.write(value, at, 'utf8');
    else value.copy(this.bytes, at);
    return this;
  }

  varint(value: number): this {
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 0x80) {
      this.int8((((rest % 128) + 128) << 24) >> 24);
      rest = Math.floor(rest / 128);
    }
    this.int8(rest);
    return this;
  }

  /** A varint length and the bytes; -1 for null. */
  varBytes(value: Buffer | string | null): this {
    if (value === null) return this.varint(-1);
    return this.varint(Buffer.byteLength(value)).raw(value);
  }

  /** Overwrites an int32 written earlier, such as a length known only now. */
  patchInt32(at: number, value: number): void {
    this.bytes.writeInt32BE(value | 0, at);
  }

  /** Room for `by` bytes, and where it begins. May replace `bytes`: call it before `bytes` is looked at. */
  private grow(by: number): number {
    const at = this.length;
    this.length += by;
    if (this.length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    return at;
  }
}
