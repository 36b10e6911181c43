// The floor of the embedded engine: the hops of the product and nothing else, as quick as we know how to make them.
//
//   POST /v2/events -> events -> requested -> signed (one commit for these three, flushed, then 202) -> POST -> outcomes, all
//   in PostgreSQL: one statement that inserts the outputs and moves the offsets, group commit, `synchronous_commit=off` for
//   outcomes and 20 ms of them at a time, committed records handed on in memory; once a second all of it goes into an archive
//   table.
//
// LEFT OUT, what the product does besides: checking events and credentials, accepting an event once, webhooks that can change
// (who gets what is the account's number), sealed secrets and key ring, partitions and keys' order, retries and their
// schedule, a breaker, lanes and any limit per endpoint, stale signatures and finished attempts, address rules, deadlines,
// limits of size, the archive's commitments and views, metrics, log lines, readiness, retention, and recovery: it cannot be
// started a second time on its data, and an error ends it.
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { openArchive } from './archive.mjs';
import { TopicWriter, connectPostgres, createTables } from './embedded-log.mjs';
import { gather } from './gather.mjs';
import { createPost, requestedOf, signedOf } from './hops.mjs';
import { Watermark } from './watermark.mjs';

// As the product (docs/adr/0044).
setFlagsFromString('--heap-growing-percent=100');

const ARCHIVE_EVERY_MS = 1_000;
const ARCHIVED_AT_ONCE = 5_000;
const [EVENTS, REQUESTED, SIGNED, OUTCOMES] = [0, 1, 2, 3];

const { DATABASE_URL, FLOOR_ENDPOINTS } = process.env;
const connect = () => connectPostgres(DATABASE_URL);
const post = createPost(JSON.parse(FLOOR_ENDPOINTS));
const setup = await connect();
await createTables(setup);
const archive = await openArchive(setup);
let toArchive = [];
const delivered = new Watermark(0);

const fail = (error) => {
  console.error(error);
  process.exit(1);
};

async function writer(settings) {
  const made = new TopicWriter({
    client: await connect(),
    ...settings,
    onCommitted: (records, topic) => {
      for (const record of records) toArchive.push({ topic, record });
      if (topic === SIGNED) deliver(records);
    },
  });
  await made.open();
  return made;
}

const outcomes = await writer({ topic: OUTCOMES, flush: false, readTopic: SIGNED, progress: () => delivered.next });
const events = await writer({
  topic: EVENTS,
  flush: true,
  chain: [
    { topic: REQUESTED, transform: requestedOf },
    { topic: SIGNED, transform: signedOf },
  ],
});

const recordSoon = gather((made) => {
  for (const { position } of made) delivered.finish(position);
  return outcomes.append(made.map(({ outcome }) => outcome));
});

function deliver(records) {
  for (const record of records)
    post(record)
      .then((outcome) => recordSoon({ outcome, position: record.position }))
      .catch(fail);
}

async function archiveAll() {
  const all = toArchive;
  toArchive = [];
  for (let at = 0; at < all.length; at += ARCHIVED_AT_ONCE) {
    const rows = all.slice(at, at + ARCHIVED_AT_ONCE);
    await archive.insert(
      rows.map(({ topic, record }) => ({
        topic: String(topic),
        position: record.position,
        key: record.key,
        headers: record.headersText,
        value: record.value,
      })),
    );
  }
  setTimeout(() => archiveAll().catch(fail), ARCHIVE_EVERY_MS);
}

const server = createServer((incoming, response) => {
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', () => {
    const headers = {};
    for (const name in incoming.headers)
      if (name.startsWith('ce-')) headers[`ce_${name.slice(3)}`] = incoming.headers[name];
    const key = `${headers.ce_accountid}:${headers.ce_subject}`;
    events
      .append([{ key, headers, value: Buffer.concat(chunks) }])
      .then(() => response.writeHead(202, { 'content-length': 0 }).end())
      .catch(fail);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', 4096, () => {
  archiveAll().catch(fail);
  process.send({ url: `http://127.0.0.1:${server.address().port}` });
});
process.on('disconnect', () => process.exit(0));
