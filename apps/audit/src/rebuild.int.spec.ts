import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestLog, anEvent, called, idsOf, openTestArchive, type TestArchive } from './archive.fixture.js';
import { rebuildViews, viewsChecksum } from './rebuild.js';
import { VIEWS_SCHEMA } from './views.js';

let archive: TestArchive;
let log: TestLog;

beforeEach(async () => {
  archive = await openTestArchive();
  log = new TestLog();
});
afterEach(() => archive.close());

/** Deliveries, half of them still open. */
function deliver(from: number, to: number): void {
  for (let n = from; n < to; n += 1) {
    const event = anEvent({ id: `e-${n}` });
    const ids = idsOf(event, log.event(event));
    log.requested(event, ids);
    log.signed(event, ids);
    if (n % 2 === 0) log.outcome(event, ids, called('succeeded', ids, 200));
    if (n % 4 === 1) log.outcome(event, ids, { outcome: 'deferred', at: n, since: n - 1, reason: 'circuit-open' });
  }
}

const rebuild = () => rebuildViews({ database: archive.database, onProgress: () => undefined });
const checksum = () => viewsChecksum(archive.database.manager, VIEWS_SCHEMA);

test('views made again while the archive grows are the same as the live ones at that moment, and go on', async () => {
  deliver(0, 300);
  await archive.take(log.records);
  let written = 300;
  let growing = true;
  const growth = (async () => {
    while (growing) {
      log.records.length = 0;
      deliver(written, written + 20);
      written += 20;
      await archive.take(log.records);
    }
  })();
  const results = [await rebuild(), await rebuild()];
  growing = false;
  await growth;
  for (const { before, after } of results) expect(after).toBe(before);
  expect(written).toBeGreaterThan(320);
  const [end, live] = [await rebuild(), await archive.count('audit.deliveries')];
  expect(live).toBe(written);
  expect([end.before, end.after]).toEqual([end.after, await checksum()]);
});

test('since when what is parked has been waiting is part of the views, and comes back', async () => {
  deliver(0, 20);
  await archive.take(log.records);
  const waiting = `SELECT count(*)::int AS n FROM audit.deliveries WHERE status = 'deferred' AND waiting_since IS NOT NULL`;
  const [live] = await archive.database.query<{ n: number }[]>(waiting);
  expect(live!.n).toBe(5);
  await archive.database.query('UPDATE audit.deliveries SET waiting_since = NULL');
  const { before, after } = await rebuild();
  expect(after).not.toBe(before);
  expect(await archive.database.query(waiting)).toEqual([live]);
});

test('what was wrong in a view is right again, and the checksums tell', async () => {
  deliver(0, 20);
  await archive.take(log.records);
  const right = await checksum();
  await archive.database.query(`UPDATE audit.deliveries SET status = 'exhausted' WHERE status = 'pending'`);
  await archive.database.query('DELETE FROM audit.attempts WHERE run = 0 AND started_at % 2 = 0');
  const { before, after, records } = await rebuild();
  expect(before).not.toBe(after);
  expect([after, await checksum(), records]).toEqual([right, right, log.records.length]);
});

test('a second rebuild at the same time is refused, and what a killed one left is made away with', async () => {
  deliver(0, 20);
  await archive.take(log.records);
  await archive.database.query('CREATE SCHEMA audit_next CREATE TABLE events (left_behind integer)');
  const both = await Promise.allSettled([rebuild(), rebuild()]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const [row] = await archive.database.query<{ n: number }[]>(
    `SELECT count(*)::int AS n FROM pg_namespace WHERE nspname IN ('audit_next', 'audit_replaced')`,
  );
  expect(row!.n).toBe(0);
});
