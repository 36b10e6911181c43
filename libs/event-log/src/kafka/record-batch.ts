import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { LogRecord } from '../event-log.js';
import { ByteReader } from './byte-reader.js';
import { NO_PATTERN, RecordReader, type HeaderPattern } from './record-reader.js';

// Record batches, message format 2: https://kafka.apache.org/documentation/#recordbatch
const MAGIC = 2;
const BATCH_OVERHEAD = 61;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface DecodedBatches {
  readonly records: LogRecord[];
  /** Where to fetch next: behind the last whole batch, whether or not it still holds records (compaction empties batches). */
  readonly next: number;
  /** Who wrote the records: ids of idempotent producers, -1 for others; each at least once. */
  readonly producerIds: readonly number[];
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
  const producerIds: number[] = [];
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
    if (producerIds.at(-1) !== header.producerId) producerIds.push(header.producerId);
  }
  return { records, next, producerIds };
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

/** By topic: what the headers of its last record looked like. */
const patterns = new Map<string, HeaderPattern>();

function readRecords(
  header: BatchHeader,
  place: { readonly topic: string; readonly partition: number; readonly from: number },
  into: LogRecord[],
): void {
  const { topic, partition, from } = place;
  const count = header.body.readInt32BE(0);
  const reader = new RecordReader(decompress(header.attributes & CODEC_MASK, header.body.subarray(4)));
  let pattern = patterns.get(topic) ?? NO_PATTERN;
  for (let index = 0; index < count; index += 1) {
    const length = reader.varint();
    const end = reader.at + length;
    reader.int8();
    const timeDelta = reader.varint();
    const position = header.baseOffset + reader.varint();
    if (position < from) {
      reader.at = end;
      continue;
    }
    const appendedAtMs =
      (header.attributes & LOG_APPEND_TIME) !== 0 ? header.maxTimestamp : header.firstTimestamp + timeDelta;
    const key = reader.part();
    const value = reader.part();
    pattern = reader.headers(pattern);
    into.push({ topic, partition, position, appendedAtMs, key, value, headers: pattern.headers });
    reader.at = end;
  }
  patterns.set(topic, pattern);
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
