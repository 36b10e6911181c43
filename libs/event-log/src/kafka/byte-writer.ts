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
