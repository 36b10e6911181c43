import { TOPICS, HEADER } from '@switchhook/contracts';
import { deliveryId, eventKey } from '@switchhook/domain';
import type { LogRecord } from '@switchhook/event-log';
import { eventually } from '@switchhook/testing';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestLog, anEvent, called, idsOf, openTestArchive, type TestArchive } from './archive.fixture.js';
import type { ArchivedRecord } from './archived-record.js';
import { readArchive } from './archive-reader.js';
import { WaitingSince1700000003000 } from './migrations/0003-waiting-since.js';
import { AttemptTarget1700000004000 } from './migrations/0004-attempt-target.js';
import { viewsChecksum } from './rebuild.js';
import { VIEWS_SCHEMA, viewTables, viewsSql } from './views.js';

let archive: TestArchive;
let log: TestLog;

beforeEach(async () => {
  archive = await openTestArchive();
  log = new TestLog();
});
afterEach(() => archive.close());

/** Something of everything: delivered late, parked, refused, unmatched, repeated, run again, told of twice. */
function story(): readonly LogRecord[] {
  const late = anEvent({ id: 'late' });
  const lateAt = log.event(late);
  const ids = idsOf(late, lateAt);
  log.requested(late, ids);
  log.signed(late, ids);
  log.outcome(late, ids, { outcome: 'deferred', at: 1, since: 1, nextAttemptAt: 2, reason: 'lane-full' });
  log.requested(late, { ...ids, deferrals: 1 });
  log.outcome(late, { ...ids, deferrals: 1 }, called('attempted', ids, 503, { nextAttemptAt: 9 }));
  log.outcome(late, { ...ids, deferrals: 1 }, called('attempted', ids, 500, { nextAttemptAt: 10 }));
  const second = { ...ids, number: 2 };
  log.requested(late, second);
  log.outcome(late, second, called('exhausted', second, 410, { reason: 'status-410' }));
  log.outcome(late, second, called('succeeded', second, 200));
  const again = { ...ids, run: 1 };
  log.requested(late, again);
  log.outcome(late, again, called('succeeded', again, 204));
  const unknown = log.event(anEvent({ id: 'unknown', accountId: 77 }));
  log.rejected(unknown, 'unknown-account');
  const repeat = log.event(anEvent({ id: 'unknown', accountId: 77 }));
  log.unmatched(anEvent({ id: 'unknown', accountId: 77 }), repeat);
  log.event(late);
  const garbage = log.append({
    topic: TOPICS.events.name,
    key: 'k',
    value: Buffer.from('{'),
    headers: { ce_id: 'x\0' },
  });
  log.rejected(garbage, 'missing-attribute');
  const open = anEvent({ id: 'open', subject: undefined });
  log.requested(open, idsOf(open, log.event(open), { webhookId: 6 }));
  const bare = anEvent({ id: 'bare' });
  const bareIds = idsOf(bare, log.event(bare));
  log.requested(bare, bareIds);
  withoutAttributes(log.outcome(bare, bareIds, { outcome: 'rejected', at: 3, reason: 'unreadable' }));
  log.append({ topic: TOPICS.outcomes.name, key: null, value: Buffer.from('?'), headers: {} });
  return log.records;
}

/** As of a signed record of which only the ids could be read. */
function withoutAttributes(record: LogRecord): void {
  const own = Object.entries(record.headers).filter(([name]) => name !== HEADER.attributes);
  log.records[log.records.indexOf(record)] = { ...record, headers: Object.fromEntries(own) };
}

const checksum = (database: DataSource): Promise<string> => viewsChecksum(database.manager, VIEWS_SCHEMA);

/** What the archive keeps, and nothing else: topic after topic, the last one first. */
async function replayed(database: DataSource): Promise<ArchivedRecord[]> {
  const sources = await database.query<{ id: number }[]>('SELECT id FROM audit.sources ORDER BY topic DESC, partition');
  const records: ArchivedRecord[] = [];
  for (const { id } of sources) records.push(...(await readArchive(database.manager, id, -1, 1_000)));
  return records;
}

async function renewViews(database: DataSource): Promise<void> {
  await database.query(`DROP TABLE ${viewTables(VIEWS_SCHEMA).join(', ')}`);
  for (const statement of viewsSql(VIEWS_SCHEMA)) await database.query(statement);
}

const delivery = async (webhookId = 5, id = 'late'): Promise<Record<string, unknown>> => {
  const rows = await archive.database.query<Record<string, unknown>[]>('SELECT * FROM audit.deliveries WHERE id = $1', [
    deliveryId(eventKey(1, 'switch-7', id), webhookId),
  ]);
  return rows[0]!;
};

describe('the views are a function of the archive', () => {
  test('made again from the archive alone, in another order of topics and without payloads, they are the same', async () => {
    await archive.take(story());
    const live = await checksum(archive.database);
    await archive.database.query('DELETE FROM audit.payloads');
    await renewViews(archive.database);
    expect(await checksum(archive.database)).not.toBe(live);
    const records = await replayed(archive.database);
    await archive.database.transaction((manager) => archive.applyToViews(manager, records));
    expect(await checksum(archive.database)).toBe(live);
  });

  test('an installation from before some of their columns has the same tables as a new one', async () => {
    const columns = () =>
      archive.database.query(
        `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'audit'
         ORDER BY table_name, ordinal_position`,
      );
    const fresh = await columns();
    const runner = archive.database.createQueryRunner();
    for (const migration of [new AttemptTarget1700000004000(), new WaitingSince1700000003000()]) {
      await migration.down(runner);
    }
    expect(await columns()).not.toEqual(fresh);
    for (const migration of [new WaitingSince1700000003000(), new AttemptTarget1700000004000()]) {
      await migration.up(runner);
    }
    expect(await columns()).toEqual(fresh);
    await runner.release();
  });

  test('applied twice they stay the same', async () => {
    await archive.take(story());
    const live = await checksum(archive.database);
    const records = await replayed(archive.database);
    await archive.database.transaction((manager) => archive.applyToViews(manager, records));
    expect(await checksum(archive.database)).toBe(live);
  });

  test('in whatever order and in whatever batches the topics come, they end the same', async () => {
    await archive.take(story());
    const live = await checksum(archive.database);
    const records = await replayed(archive.database);
    const topics = [...new Set(records.map(({ topic }) => topic))].map((topic) =>
      records.filter((record) => record.topic === topic),
    );
    const turns = fc.array(fc.record({ topic: fc.nat(topics.length - 1), records: fc.integer({ min: 1, max: 4 }) }), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(turns, async (order) => {
        await renewViews(archive.database);
        const rest = topics.map((each) => [...each]);
        const all = [...order, ...topics.map((_, topic) => ({ topic, records: Infinity }))];
        for (const turn of all) {
          const batch = rest[turn.topic]!.splice(0, turn.records);
          await archive.database.transaction((manager) => archive.applyToViews(manager, batch));
        }
        expect(await checksum(archive.database)).toBe(live);
      }),
      { numRuns: 25 },
    );
  });
});

describe('a delivery', () => {
  test('goes through its states, and stays in the first end of a run until another run begins', async () => {
    const records = story();
    const states: unknown[] = [];
    for (const record of records.slice(1, 12)) {
      await archive.take([record]);
      const { status, reason, next_attempt_at: next } = await delivery();
      states.push([status, reason, next]);
    }
    expect(states).toEqual([
      ['pending', null, null],
      ['pending', null, null],
      ['deferred', 'lane-full', '2'],
      ['pending', null, null],
      ['pending', null, '9'],
      ['pending', null, '9'],
      ['pending', null, null],
      ['exhausted', 'status-410', null],
      ['exhausted', 'status-410', null],
      ['pending', null, null],
      ['succeeded', null, null],
    ]);
    expect(await delivery()).toMatchObject({
      event_id: 'late',
      source: 'switch-7',
      subject: 'text-9',
      created_at: String(records[0]!.appendedAtMs),
    });
  });

  test('is not taken back by a request that is seen after the end of its run', async () => {
    const event = anEvent();
    const ids = idsOf(event, log.event(event));
    const requested = log.requested(event, { ...ids, number: 2 });
    const end = log.outcome(event, ids, called('succeeded', ids, 200));
    await archive.take([end, requested]);
    expect(await delivery(5, 'e-1')).toMatchObject({ status: 'succeeded', finished_at: String(ids.acceptedAt + 1000) });
  });

  test('keeps a call once, as it was first told of', async () => {
    await archive.take(story());
    const calls = await archive.database.query(
      'SELECT run, number, status_code, response_body FROM audit.attempts ORDER BY run, number',
    );
    expect(calls).toEqual([
      { run: 0, number: 1, status_code: '503', response_body: 'ok\uFFFD' },
      { run: 0, number: 2, status_code: '410', response_body: 'ok\uFFFD' },
      { run: 1, number: 1, status_code: '204', response_body: 'ok\uFFFD' },
    ]);
  });
});

describe('two batches that meet in the same rows', () => {
  test('do not deadlock, in whatever order they hold them', async () => {
    const events = ['a', 'b', 'c'].map((id) => anEvent({ id }));
    const ids = events.map((event) => idsOf(event, log.event(event)));
    for (const [index, event] of events.entries()) log.requested(event, ids[index]!);
    await archive.take(log.records);
    const requests = (await replayed(archive.database)).filter(({ kind }) => kind === 'requested');
    const [first, middle, last] = [...requests].sort((a, b) => (a.deliveryId! < b.deliveryId! ? -1 : 1));
    const apply = (records: ArchivedRecord[]) =>
      archive.database.transaction((manager) => archive.applyToViews(manager, records));
    const waiting = async (): Promise<boolean> => {
      const [row] = await archive.database.query<{ n: number }[]>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return row!.n === 2;
    };
    const both = await archive.database.transaction(async (manager) => {
      await manager.query('UPDATE audit.deliveries SET reason = reason WHERE id = $1', [middle!.deliveryId]);
      const batches = Promise.allSettled([apply([first!, middle!, last!]), apply([last!, middle!, first!])]);
      await eventually(waiting);
      return { batches };
    });
    expect((await both.batches).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  });
});
