import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import crc32C from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';
import type { LogRecord } from '../event-log.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

// Record batches, message format 2: https://kafka.apache.org/documentation/#recordbatch
const MAGIC = 2;
const BEFORE_LENGTH = 12;
const BATCH_OVERHEAD = 61;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Bytes that a record's key, value and headers have: what the limits of the topics table are compared with. */
export function recordBytes(record: WritableRecord): number {
  let bytes = (record.key === null ? 0 : Buffer.byteLength(record.key)) + (record.value?.length ?? 0);
  for (const [name, value] of headerList(record.headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
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

/** One record batch for one partition, uncompressed, stamped for the idempotent producer. */
export function encodeBatch(
  records: readonly WritableRecord[],
  session: ProducerSession,
  firstSequence: number,
  nowMs: number,
): Buffer {
  const body = new ByteWriter(256 * records.length);
  records.forEach((record, index) => writeRecord(body, record, index));
  const batch = new ByteWriter(BATCH_OVERHEAD + body.size);
  batch.int64(0).int32(BATCH_OVERHEAD - BEFORE_LENGTH + body.size);
  batch.int32(-1).int8(MAGIC).int32(0);
  const crcAt = batch.size - 4;
  batch
    .int16(0)
    .int32(records.length - 1)
    .int64(nowMs)
    .int64(nowMs)
    .int64(Number(session.producerId))
    .int16(session.producerEpoch)
    .int32(firstSequence)
    .int32(records.length)
    .raw(body.written);
  batch.patchInt32(crcAt, Number(crc32C(batch.written.subarray(crcAt + 4))));
  return batch.written;
}

function writeRecord(into: ByteWriter, record: WritableRecord, offsetDelta: number): void {
  const headers = headerList(record.headers);
  const inner = new ByteWriter(64 + recordBytes(record) + headers.length * 6);
  inner.int8(0).varint(0).varint(offsetDelta).varBytes(record.key).varBytes(record.value).varint(headers.length);
  for (const [name, value] of headers) inner.varBytes(name).varBytes(value);
  into.varint(inner.size).raw(inner.written);
}

function headerList(headers: RecordHeaders): [string, Buffer | string][] {
  const list: [string, Buffer | string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string' || Buffer.isBuffer(value)) list.push([name, value]);
    else for (const one of value) list.push([name, one]);
  }
  return list;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface DecodedBatches {
  readonly records: LogRecord[];
  /** Where to fetch next: behind the last whole batch, whether or not it still holds records (compaction empties batches). */
  readonly next: number;
}

/**
 * The records of a fetched partition from position `from` on. Control records and those of aborted transactions are left
 * out. A batch cut off at the end (fetches are limited by bytes) is left for the next fetch.
 */
export function decodeBatches(
  bytes: Buffer,
  place: { readonly topic: string; readonly partition: number; readonly from: number },
  aborted: readonly AbortedTransaction[] = [],
): DecodedBatches {
  const records: LogRecord[] = [];
  const reader = new ByteReader(bytes);
  const isAborted = abortedFilter(aborted);
  let next = place.from;
  while (reader.remaining >= BATCH_OVERHEAD) {
    const header = readHeader(reader);
    if (!header) break;
    next = Math.max(next, header.baseOffset + header.lastOffsetDelta + 1);
    const isControl = (header.attributes & CONTROL) !== 0;
    if (isAborted(header, isControl) || isControl) continue;
    readRecords(header, place, records);
  }
  return { records, next };
}

interface BatchHeader {
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly attributes: number;
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly body: Buffer;
}

/** The next batch, or undefined when the rest is a part of one. */
function readHeader(reader: ByteReader): BatchHeader | undefined {
  const baseOffset = reader.int64();
  const length = reader.int32();
  if (reader.remaining < length) return undefined;
  const batch = new ByteReader(reader.slice(length));
  batch.int32();
  const magic = batch.int8();
  if (magic !== MAGIC) throw new Error(`Message format ${magic} is not known; Kafka writes format 2 since 0.11`);
  batch.int32();
  const attributes = batch.int16();
  const lastOffsetDelta = batch.int32();
  const firstTimestamp = batch.int64();
  const maxTimestamp = batch.int64();
  const producerId = batch.int64();
  batch.int16();
  batch.int32();
  const body = batch.slice(batch.remaining);
  return { baseOffset, lastOffsetDelta, attributes, firstTimestamp, maxTimestamp, producerId, body };
}

function readRecords(
  header: BatchHeader,
  place: { readonly topic: string; readonly partition: number; readonly from: number },
  into: LogRecord[],
): void {
  const { topic, partition, from } = place;
  const count = header.body.readInt32BE(0);
  const reader = new ByteReader(decompress(header.attributes & CODEC_MASK, header.body.subarray(4)));
  for (let index = 0; index < count; index += 1) {
    const length = reader.varint();
    const end = reader.offset + length;
    reader.int8();
    const timeDelta = reader.varint();
    const position = header.baseOffset + reader.varint();
    if (position < from) {
      reader.offset = end;
      continue;
    }
    const appendedAtMs =
      (header.attributes & LOG_APPEND_TIME) !== 0 ? header.maxTimestamp : header.firstTimestamp + timeDelta;
    const key = reader.varBytes();
    const value = reader.varBytes();
    into.push({ topic, partition, position, appendedAtMs, key, value, headers: readHeaders(reader) });
    reader.offset = end;
  }
}

const NOTHING = Buffer.alloc(0);

function readHeaders(reader: ByteReader): RecordHeaders {
  const headers: Record<string, HeaderValue> = {};
  const count = reader.varint();
  for (let index = 0; index < count; index += 1) {
    const name = (reader.varBytes() ?? NOTHING).toString('utf8');
    const value = reader.varBytes() ?? NOTHING;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (before === undefined) setOwn(headers, name, value);
    else setOwn(headers, name, [...(Array.isArray(before) ? (before as Buffer[]) : [before as Buffer]), value]);
  }
  return headers;
}

/** A header may be called `__proto__`. */
function setOwn(headers: Record<string, HeaderValue>, name: string, value: HeaderValue): void {
  if (name in headers && !Object.hasOwn(headers, name)) {
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    headers[name] = value;
  }
}

function decompress(codec: number, bytes: Buffer): Buffer {
  if (codec === 0) return bytes;
  if (codec === 1) return gunzipSync(bytes);
  if (codec === 4) return zstdDecompressSync(bytes);
  const name = codec === 2 ? 'snappy' : codec === 3 ? 'lz4' : `codec ${codec}`;
  throw new Error(`Records compressed with ${name} cannot be read; set compression.type=uncompressed on the topic`);
}

/** The broker lists where aborted transactions begin; their abort markers say where they end. */
function abortedFilter(aborted: readonly AbortedTransaction[]): (header: BatchHeader, isControl: boolean) => boolean {
  const upcoming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  return (header, isControl) => {
    const last = header.baseOffset + header.lastOffsetDelta;
    while (upcoming[0] && upcoming[0].firstOffset <= last) open.add(upcoming.shift()?.producerId ?? -1);
    if (isControl) {
      open.delete(header.producerId);
      return true;
    }
    return (header.attributes & TRANSACTIONAL) !== 0 && open.has(header.producerId);
  };
}
