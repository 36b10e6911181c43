import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';
import { crc32c } from './crc32c.js';

// Record batches, message format 2: https://kafka.apache.org/documentation/#recordbatch
const MAGIC = 2;
const BEFORE_LENGTH = 12;
const BATCH_OVERHEAD = 61;
const CRC_AT = 17;
/** What a record adds to its bytes, but for headers: lengths and deltas. */
const RECORD_OVERHEAD = 24;
/** Above this a call of V8's own encoder is quicker than a loop here. */
const LOOP_CHARS = 40;
const MOST_BYTES_PER_CHAR = 3;
/** More than a length has, and what `putLength` may move by. */
const VARINT_BYTES = 8;

/** Bytes that a record's key, value and headers have: what the limits of the topics table are compared with. */
export function recordBytes(record: WritableRecord): number {
  let bytes = (record.key === null ? 0 : Buffer.byteLength(record.key)) + (record.value?.length ?? 0);
  for (const name in record.headers) {
    const value = record.headers[name]!;
    const nameBytes = Buffer.byteLength(name);
    if (isOne(value)) bytes += nameBytes + Buffer.byteLength(value);
    else for (const one of value) bytes += nameBytes + Buffer.byteLength(one);
  }
  return bytes;
}

export interface WritableRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

export interface ProducerSession {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** One record batch for one partition, uncompressed, stamped for the idempotent producer. `expectedBytes`: about its size. */
export function encodeBatch(
  records: readonly WritableRecord[],
  session: ProducerSession,
  firstSequence: number,
  nowMs: number,
  expectedBytes = 1_024 * records.length,
): Buffer {
  const writer = new RecordWriter(BATCH_OVERHEAD, expectedBytes);
  for (let index = 0; index < records.length; index += 1) writer.record(records[index]!, index);
  const batch = writer.written;
  batch.fill(0, 0, 8);
  batch.writeInt32BE(batch.length - BEFORE_LENGTH, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(0, 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(nowMs), 27);
  batch.writeBigInt64BE(BigInt(nowMs), 35);
  batch.writeBigInt64BE(BigInt(session.producerId), 43);
  batch.writeInt16BE(session.producerEpoch, 51);
  batch.writeInt32BE(firstSequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_AT + 4)), CRC_AT);
  return batch;
}

const isOne = (value: HeaderValue): value is string | Buffer => typeof value === 'string' || Buffer.isBuffer(value);

function countHeaders(headers: RecordHeaders): number {
  let count = 0;
  for (const name in headers) {
    const value = headers[name]!;
    count += isOne(value) ? 1 : value.length;
  }
  return count;
}

/** Writes records one behind the other, each once: nothing is measured before. Headers are short and many, so no calls into C++. */
class RecordWriter {
  private bytes: Buffer;

  constructor(
    private at: number,
    expectedBytes: number,
  ) {
    this.bytes = Buffer.allocUnsafe(at + expectedBytes);
  }

  get written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  record(record: WritableRecord, offsetDelta: number): void {
    // Most records take two bytes for their length (64 to 8,191); others move once.
    const lengthBytes = 2;
    this.room(RECORD_OVERHEAD);
    const start = this.at;
    this.at += lengthBytes;
    this.bytes[this.at++] = 0;
    this.bytes[this.at++] = 0;
    this.varint(offsetDelta);
    this.part(record.key);
    this.part(record.value);
    const { headers } = record;
    this.varint(countHeaders(headers));
    for (const name in headers) {
      const value = headers[name]!;
      if (isOne(value)) this.header(name, value);
      else for (const one of value) this.header(name, one);
    }
    this.putLength(start, lengthBytes);
  }

  private header(name: string, value: string | Buffer): void {
    this.text(name);
    this.part(value);
  }

  /** Writes the length of what lies behind `start + reserved` at `start`. There is room: what was written last left some. */
  private putLength(start: number, reserved: number): void {
    const length = this.at - start - reserved;
    const needed = varintBytes(length);
    if (needed !== reserved) {
      this.bytes.copyWithin(start + needed, start + reserved, this.at);
      this.at += needed - reserved;
    }
    const end = this.at;
    this.at = start;
    this.varint(length);
    this.at = end;
  }

  private part(value: string | Buffer | null): void {
    if (typeof value === 'string') return this.text(value);
    this.room((value?.length ?? 0) + VARINT_BYTES);
    this.varint(value === null ? -1 : value.length);
    if (value === null) return;
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  private text(text: string): void {
    const { length } = text;
    this.room(length * MOST_BYTES_PER_CHAR + VARINT_BYTES);
    if (length > LOOP_CHARS) return this.longText(text);
    const start = this.at;
    this.varint(length);
    const { bytes } = this;
    let { at } = this;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.at = start;
        return this.longText(text);
      }
      bytes[at] = code;
      at += 1;
    }
    this.at = at;
  }

  private longText(text: string): void {
    this.varint(Buffer.byteLength(text));
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  /** A length, zigzag: there must be room for it. */
  private varint(value: number): void {
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 0x80) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  private room(by: number): void {
    if (this.at + by <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.at + by, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 0x80; rest >>>= 7) bytes += 1;
  return bytes;
}
