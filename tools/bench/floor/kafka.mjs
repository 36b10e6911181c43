// The floor of the Kafka engine: the hops of the product and nothing else, as quick as we know how to make them with kafkajs.
//
//   events -> requested -> signed -> POST -> outcomes -> archive, every hop through a topic: batch consumers that read on while
//   what they produced is on its way, one lingering idempotent producer (`acks=all`) for all hops, offsets committed every
//   500 ms and never beyond what is acknowledged, a lazy archive (fetches of 2 MB or 1 s) into PostgreSQL with `unnest`.
//
// LEFT OUT, what the product does besides: checking events, accepting an event once, webhooks that can change (who gets what
// is the account's number), sealed secrets and key ring, retries and their schedule (nobody but the archive reads outcomes), a
// breaker, lanes and any limit per endpoint, stale signatures and finished attempts, address rules, deadlines, limits of
// size, the archive's commitments and views, metrics, log lines, readiness, HTTP, and trouble: rebalancing while it runs, a
// broker that goes away, a record that cannot be read. An error ends it.
import { openArchive } from './archive.mjs';
import { connectPostgres } from './embedded-log.mjs';
import { createPost, requestedOf, signedOf } from './hops.mjs';
import { LingeringProducer } from './lingering-producer.mjs';
import { Watermark } from './watermark.mjs';
import { connectKafka } from '../kafka-client.mjs';

const COMMIT_EVERY_MS = 500;
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

const recordOf = ({ key, headers, value, offset }) => ({
  key: key.toString(),
  headers: textHeaders(headers),
  value,
  offset: Number(offset),
});

/** A group of one consumer. `handle(records, finish)` answers at once or when it wants no more for now. */
async function consume(name, from, handle, settings = {}) {
  const consumer = kafka.consumer({
    groupId: `${TOPIC_PREFIX}${name}`,
    maxBytesPerPartition: 4 * 1024 * 1024,
    maxWaitTimeInMs: 500,
    ...settings,
  });
  const positions = new Map();
  const committed = new Map();
  await consumer.connect();
  await consumer.subscribe({ topics: from, fromBeginning: true });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 24,
    eachBatch: async ({ batch }) => {
      const records = batch.messages.map(recordOf);
      const place = `${batch.topic} ${batch.partition}`;
      if (!positions.has(place)) positions.set(place, new Watermark(records[0].offset));
      const watermark = positions.get(place);
      await handle(records, (record) => watermark.finish(record.offset), batch);
    },
  });
  await joined;
  setInterval(() => commit(consumer, positions, committed).catch(fail), COMMIT_EVERY_MS);
}

async function commit(consumer, positions, committed) {
  const offsets = [];
  for (const [place, watermark] of positions) {
    const [topic, partition] = place.split(' ');
    if (committed.get(place) === watermark.next) continue;
    committed.set(place, watermark.next);
    offsets.push({ topic, partition: Number(partition), offset: String(watermark.next) });
  }
  if (offsets.length > 0) await consumer.commitOffsets(offsets);
}

const derive = (to, transform) => (records, finish) => {
  const outputs = records.map((record) => ({ ...transform(record), topic: to }));
  producer
    .send(outputs)
    .then(() => records.forEach(finish))
    .catch(fail);
};

function deliver(records, finish) {
  for (const record of records)
    post(record)
      .then((outcome) => producer.send([{ ...outcome, topic: topics.outcomes }]))
      .then(() => finish(record))
      .catch(fail);
}

async function archiveAll(records, finish, { topic }) {
  const rows = records.map(({ key, headers, value, offset }) => ({
    topic,
    position: offset,
    key,
    headers: JSON.stringify(headers),
    value,
  }));
  await archive.insert(rows);
  records.forEach(finish);
}

await producer.connect();
await Promise.all([
  consume('ingestion', [topics.events], derive(topics.requested, requestedOf)),
  consume('signing', [topics.requested], derive(topics.signed, signedOf)),
  consume('delivery', [topics.signed], deliver),
  consume('audit', Object.values(topics), archiveAll, { minBytes: 2 * 1024 * 1024, maxWaitTimeInMs: 1_000 }),
]);
process.send({ topic: topics.events });
process.on('disconnect', () => process.exit(0));
