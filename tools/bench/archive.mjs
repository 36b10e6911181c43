// What the product itself says of a run, in its archive.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const POLL_MS = 500;
const QUIET_MS = 15_000;

/**
 * How many outcomes of attempts the archive has beyond one for each attempt: calls that were made again although the log had
 * their outcome. (A call that was open when its process was killed has one outcome, however often it was made.) Waits until
 * the archive has a success for each of `deliveries`, or nothing more comes.
 */
export async function outcomesBeyondOne(databaseUrl, deliveries) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const archived = await whenArchived(client, deliveries);
    const { rows } = await client.query(
      `SELECT coalesce(sum(count - 1), 0)::int AS beyond FROM (
         SELECT count(*) AS count FROM audit.records WHERE kind IN ('attempted', 'succeeded', 'exhausted', 'expired')
         GROUP BY delivery_id, run, number HAVING count(*) > 1) AS repeated`,
    );
    return { archived, beyond: rows[0].beyond };
  } finally {
    await client.end();
  }
}

/**
 * Records that the archive has taken so far, the product's or the floor's; what PostgreSQL itself counts, because a
 * `count(*)` would cost as much as what is measured. It is up to a second behind.
 */
export async function archivedSoFar(databaseUrl) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT coalesce(sum(n_tup_ins), 0)::int AS count FROM pg_stat_user_tables
       WHERE relname = 'archive' OR (schemaname = 'audit' AND relname LIKE 'records%')`,
    );
    return rows[0].count;
  } finally {
    await client.end();
  }
}

/**
 * How many calls were begun within any one second, of a product all of whose deliveries went to one endpoint: what it sent there, as
 * its archive has it, once that has a success for each of `deliveries`, or nothing more comes.
 */
export async function mostBegunInASecond(databaseUrl, deliveries) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await whenArchived(client, deliveries);
    const { rows } = await client.query(
      `SELECT max(begun)::int AS most FROM (
         SELECT count(*) OVER (ORDER BY started_at RANGE BETWEEN 999 PRECEDING AND CURRENT ROW) AS begun
         FROM audit.attempts WHERE status_code BETWEEN 200 AND 299) AS seconds`,
    );
    return rows[0].most;
  } finally {
    await client.end();
  }
}

async function whenArchived(client, deliveries) {
  let seen = -1;
  let giveUpAt = 0;
  for (;;) {
    const { rows } = await client.query(
      `SELECT count(DISTINCT delivery_id)::int AS count FROM audit.records WHERE kind = 'succeeded'`,
    );
    const { count } = rows[0];
    if (count >= deliveries) return count;
    if (count > seen) giveUpAt = performance.now() + QUIET_MS;
    seen = count;
    if (performance.now() > giveUpAt) return count;
    await sleep(POLL_MS);
  }
}
