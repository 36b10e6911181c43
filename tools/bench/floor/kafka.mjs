// The floor of the Kafka engine: the hops of the product and nothing else, as quick as we know how to make them with kafkajs.
//
//   events -> requested -> signed -> POST -> outcomes -> archive, every hop through a topic: batch consumers that read on while
//   what they produced is on its way, one lingering idempotent producer (`acks=all`) for all hops, 20 ms of outcomes at a time,
//   what it has appended handed to the next hop without fetching it, offsets committed every 500 ms and never beyond what is
//   acknowledged, a lazy archive (fetches of 2 MB or 1 s) into PostgreSQL with `unnest`.
//
// LEFT OUT, what the product does besides: checking events, accepting an event once, webhooks that can change (who gets what
// is the account's number), sealed secrets and key ring, retries and their schedule (nobody but the archive reads outcomes), a
// breaker, lanes and any limit per endpoint, stale signatures and finished attempts, address rules, deadlines, limits of
// size, the archive's commitments and views, metrics, log lines, readiness, HTTP, and trouble: other processes that append or
// take over, rebalancing while it runs, a broker that goes away, a record that cannot be read. An error ends it.
import { setFlagsFromString } from 'node:v8';
import { openArchive } from './archive.mjs';
import { connectPostgres } from './embedded-log.mjs';
import { gather } from './gather.mjs';
import { createPost, requestedOf, signedOf } from './hops.mjs';
import { LingeringProducer } from './lingering-producer.mjs';
import { Watermark } from './watermark.mjs';
import { DefaultPartitioner, connectKafka } from '../kafka-client.mjs';

// As the product (docs/adr/0044).
setFlagsFromString('--heap-growing-percent=100');

const COMMIT_EVERY_MS = 500;
const PARTITIONS = 6;
const { KAFKA_BROKERS, DATABASE_URL, FLOOR_ENDPOINTS, TOPIC_PREFIX } = process.env;
const topics = {
  events: `${TOPIC_PREFIX}events.v1`,
  requested: `${TOPIC_PREFIX}deliveries.requested.v1`,
  signed: `${TOPIC_PREFIX}deliveries.signed.v1`,
  outcomes: `${TOPIC_PREFIX}deliveries.outcomes.v1`,
};
const kafka = connectKafka(KAFKA_BROKERS, 'floor');
const producer = new LingeringProducer(kafka);
const post = createPost(JSON.parse(FLOOR_ENDPOINTS));
const archive = await openArchive(await connectPostgres(DATABASE_URL));

const fail = (error) => {
  console.error(error);
  process.exit(1);
};

const textHeaders = (headers) => {
  const texts = {};
  for (const name in headers) texts[name] = headers[name].toString();
  return texts;
};

const recordOf = ({ key, headers, value, offset }, { topic, partition }) => ({
  topic,
  partition,
  key: key.toString(),
  headers: textHeaders(headers),
  value,
  offset: Number(offset),
});

const partitions = new Map();

/** As kafkajs chooses it; there are few keys. */
function partitionOf(topic, key) {
  let partition = partitions.get(key);
  if (partition === undefined) {
    const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => ({ partitionId, leader: 0 }));
    partition = DefaultPartitioner()({ topic, partitionMetadata, message: { key } });
    partitions.set(key, partition);
  }
  return partition;
}

/** How far a group has finished: `take(records)` hands them to `handle(records, finish)`. */
class Progress {
  #watermarks = new Map();
  #committed = new Map();
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  take(records) {
    for (const { topic, partition, offset } of records) {
      const place = `${topic} ${partition}`;
      if (!this.#watermarks.has(place)) this.#watermarks.set(place, new Watermark(offset));
    }
    return this.#handle(records, ({ topic, partition, offset }) =>
      this.#watermarks.get(`${topic} ${partition}`).finish(offset),
    );
  }

  async commit(consumer) {
    const offsets = [];
    for (const [place, watermark] of this.#watermarks) {
      const [topic, partition] = place.split(' ');
      if (this.#committed.get(place) === watermark.next) continue;
      this.#committed.set(place, watermark.next);
      offsets.push({ topic, partition: Number(partition), offset: String(watermark.next) });
    }
    if (offsets.length > 0) await consumer.commitOffsets(offsets);
  }
}

/** A group of one consumer. With `fed`, the hop before hands it its records: it only joins and commits. */
async function consume(name, from, progress, { fed = false, ...settings } = {}) {
  const consumer = kafka.consumer({
    groupId: `${TOPIC_PREFIX}${name}`,
    maxBytesPerPartition: 4 * 1024 * 1024,
    maxWaitTimeInMs: 500,
    ...settings,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: from, fromBeginning: true });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 24,
    eachBatch: async ({ batch }) => progress.take(batch.messages.map((message) => recordOf(message, batch))),
  });
  await joined;
  if (fed) consumer.pause(from.map((topic) => ({ topic })));
  setInterval(() => progress.commit(consumer).catch(fail), COMMIT_EVERY_MS);
}

/** Appends, and hands what is appended to the hop `next`. */
async function append(outputs, next) {
  const records = outputs.map((one) => ({ ...one, partition: partitionOf(one.topic, one.key) }));
  const positions = await producer.send(records);
  if (!next) return;
  records.forEach((record, index) => (record.offset = positions[index]));
  next.take(records);
}

const derive = (to, transform, next) => (records, finish) => {
  const outputs = records.map((record) => ({ ...transform(record), topic: to }));
  append(outputs, next)
    .then(() => records.forEach(finish))
    .catch(fail);
};

const recordSoon = gather((outcomes) => append(outcomes));

function deliver(records, finish) {
  for (const record of records)
    post(record)
      .then((outcome) => recordSoon({ ...outcome, topic: topics.outcomes }))
      .then(() => finish(record))
      .catch(fail);
}

async function archiveAll(records, finish) {
  const rows = records.map(({ topic, key, headers, value, offset }) => ({
    topic,
    position: offset,
    key,
    headers: JSON.stringify(headers),
    value,
  }));
  await archive.insert(rows);
  records.forEach(finish);
}

const delivery = new Progress(deliver);
const signing = new Progress(derive(topics.signed, signedOf, delivery));
const ingestion = new Progress(derive(topics.requested, requestedOf, signing));

await producer.connect();
await Promise.all([
  consume('ingestion', [topics.events], ingestion),
  consume('signing', [topics.requested], signing, { fed: true }),
  consume('delivery', [topics.signed], delivery, { fed: true }),
  consume('audit', Object.values(topics), new Progress(archiveAll), {
    minBytes: 2 * 1024 * 1024,
    maxWaitTimeInMs: 1_000,
  }),
]);
process.send({ topic: topics.events });
process.on('disconnect', () => process.exit(0));
