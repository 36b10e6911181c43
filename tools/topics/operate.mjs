import pg from 'pg';
import { topicPrefix } from './kafka-settings.mjs';
import { openLog } from './open.mjs';

/** Topics are named with or without the prefix. */
const plain = (topic) => (topic.startsWith(topicPrefix()) ? topic.slice(topicPrefix().length) : topic);

const operations = () => import('../../libs/event-log/dist/index.js');

/** `rewind <group> <topic> <beginning | position | RFC 3339 time>`: the group begins there again. */
export async function rewind(group, topic, to) {
  if (!group || !topic || !to)
    throw new Error('usage: npm run topics -- rewind <group> <topic> <beginning|position|time>');
  const { rewindGroup } = await operations();
  await withLog(async ({ log }) => {
    const positions = await rewindGroup(log, group, plain(topic), readTo(to));
    positions.forEach((position, partition) =>
      console.log(`${plain(topic)} ${partition}: ${group} begins at ${position}`),
    );
  });
}

/** `redrive <topic>`: puts back what was rejected from it. */
export async function redrive(topic) {
  if (!topic) throw new Error('usage: npm run topics -- redrive <topic>');
  const { redriveRejected } = await operations();
  await withLog(async ({ log }) => {
    console.log(`${await redriveRejected(log, plain(topic))} records of ${plain(topic)}.rejected put back`);
  });
}

/** `accept-loss <topic>`: what is stored of positions beyond the topic's end is set back to that end. */
export async function acceptLoss(topic) {
  if (!topic) throw new Error('usage: npm run topics -- accept-loss <topic>');
  const { acceptGroupLoss } = await operations();
  await withLog(async ({ log, databaseUrl }) => {
    const name = plain(topic);
    const groups = await acceptGroupLoss(log, name);
    if (!databaseUrl)
      throw new Error(`${groups} positions of groups set back; set DATABASE_URL for those in the database`);
    const stored = await setBackStored(databaseUrl, log.identity, name, await log.ends(name));
    console.log(`${name}: ${groups} positions of groups and ${stored} in the database set back to the end`);
  });
}

function readTo(to) {
  if (to === 'beginning') return { position: 0 };
  if (/^\d+$/.test(to)) return { position: Number(to) };
  const timeMs = Date.parse(to);
  if (Number.isNaN(timeMs)) throw new Error(`"${to}" is neither "beginning", nor a position, nor a time (RFC 3339)`);
  return { timeMs };
}

async function withLog(work) {
  const opened = await openLog();
  try {
    await work(opened);
  } finally {
    await opened.close();
  }
}

/** Positions that services keep beside their rows (correctness.md §3): beyond the end they would swallow what comes next. */
const STORED = [
  ['delivery.checkpoints', 'identity = $1 AND topic = $2 AND partition = $3 AND position > $4'],
  ['audit.checkpoints', 'identity = $1 AND topic = $2 AND partition = $3 AND position > $4'],
  [
    'ingestion.watermarks',
    'log_id IN (SELECT id FROM ingestion.logs WHERE identity = $1 AND topic = $2) AND partition = $3 AND position > $4',
  ],
];

async function setBackStored(databaseUrl, identity, topic, ends) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  let count = 0;
  try {
    for (const [table, where] of STORED) {
      const { rows } = await client.query('SELECT to_regclass($1) AS found', [table]);
      if (!rows[0].found) continue;
      for (const [partition, end] of ends.entries()) {
        const values = [identity, topic, partition, end];
        count += (await client.query(`UPDATE ${table} SET position = $4 WHERE ${where}`, values)).rowCount;
      }
    }
  } finally {
    await client.end();
  }
  return count;
}
