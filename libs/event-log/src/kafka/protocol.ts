import type { ProtocolRequest } from 'kafkajs/src/broker/index.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import type { AbortedTransaction } from './record-batch.js';

// Produce v7 and Fetch v11: spoken by every broker since 2.3 and by Kafka 4. https://kafka.apache.org/protocol
const PRODUCE = { apiKey: 0, apiVersion: 7, apiName: 'Produce' } as const;
const FETCH = { apiKey: 1, apiVersion: 11, apiName: 'Fetch' } as const;
const ACKS_ALL = -1;
const READ_COMMITTED = 1;
/** A fetch waits at the broker; the answer to it takes its time too. */
const ANSWER_MS = 10_000;

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  /** -1 where the topic keeps the producer's time. */
  readonly appendedAtMs: number;
}

/** Appends one record batch to each of some partitions, all led by the broker that is asked. */
export function produceRequest(
  batches: readonly { readonly topic: string; readonly partition: number; readonly bytes: Buffer }[],
  timeoutMs: number,
): ProtocolRequest<ProducedPartition[]> {
  const size = batches.reduce((sum, batch) => sum + batch.bytes.length + 64, 64);
  return {
    request: {
      ...PRODUCE,
      expectResponse: () => true,
      encode: async () => {
        const writer = new ByteWriter(size).int16(-1).int16(ACKS_ALL).int32(timeoutMs);
        writeByTopic(writer, batches, ({ partition, bytes }) => writer.int32(partition).int32(bytes.length).raw(bytes));
        return encoded(writer);
      },
    },
    response: { decode: async (payload) => readProduced(new ByteReader(payload)), parse: async (data) => data },
    requestTimeout: timeoutMs + ANSWER_MS,
  };
}

function readProduced(reader: ByteReader): ProducedPartition[] {
  return readByTopic(reader, (topic) => {
    const partition = reader.int32();
    const errorCode = reader.int16();
    const baseOffset = reader.int64();
    const appendedAtMs = reader.int64();
    reader.int64();
    return { topic, partition, errorCode, baseOffset, appendedAtMs };
  });
}

export interface FetchOptions {
  readonly waitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly partitionBytes: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** What a consumer may read up to: the end, but for open transactions. */
  readonly end: number;
  /** The first position that is still there. */
  readonly start: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly bytes: Buffer;
}

export function fetchRequest(
  targets: readonly { readonly topic: string; readonly partition: number; readonly position: number }[],
  options: FetchOptions,
): ProtocolRequest<FetchedPartition[]> {
  return {
    request: {
      ...FETCH,
      encode: async () => {
        const writer = new ByteWriter(128 + targets.length * 64);
        writer.int32(-1).int32(options.waitMs).int32(options.minBytes).int32(options.maxBytes);
        writer.int8(READ_COMMITTED).int32(0).int32(-1);
        writeByTopic(writer, targets, ({ partition, position }) =>
          writer.int32(partition).int32(-1).int64(position).int64(-1).int32(options.partitionBytes),
        );
        writer.int32(0).string('');
        return encoded(writer);
      },
    },
    response: { decode: async (payload) => readFetched(new ByteReader(payload)), parse: async (data) => data },
    requestTimeout: options.waitMs + ANSWER_MS,
  };
}

function readFetched(reader: ByteReader): FetchedPartition[] {
  reader.int32();
  reader.int16();
  reader.int32();
  return readByTopic(reader, (topic) => {
    const partition = reader.int32();
    const errorCode = reader.int16();
    reader.int64();
    const end = reader.int64();
    const start = reader.int64();
    const aborted: AbortedTransaction[] = [];
    const count = reader.int32();
    for (let index = 0; index < count; index += 1) {
      aborted.push({ producerId: reader.int64(), firstOffset: reader.int64() });
    }
    reader.int32();
    const length = reader.int32();
    const bytes = reader.slice(Math.max(0, length));
    return { topic, partition, errorCode, end, start, aborted, bytes };
  });
}

function writeByTopic<T extends { readonly topic: string }>(
  writer: ByteWriter,
  items: readonly T[],
  write: (item: T) => void,
): void {
  const byTopic = Map.groupBy(items, (item) => item.topic);
  writer.int32(byTopic.size);
  for (const [topic, ofTopic] of byTopic) {
    writer.string(topic).int32(ofTopic.length);
    for (const item of ofTopic) write(item);
  }
}

function readByTopic<T>(reader: ByteReader, read: (topic: string) => T): T[] {
  const items: T[] = [];
  const topics = reader.int32();
  for (let index = 0; index < topics; index += 1) {
    const topic = reader.string();
    const partitions = reader.int32();
    for (let count = 0; count < partitions; count += 1) items.push(read(topic));
  }
  return items;
}

/** kafkajs wants its own Encoder; it reads these two members of it. */
const encoded = (writer: ByteWriter): { buf: Buffer; buffer: Buffer } => ({
  buf: writer.written,
  buffer: writer.written,
});
