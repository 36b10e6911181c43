import { createHash } from 'node:crypto';
import { HEADER, TOPICS } from '@switchhook/contracts';
import { deliveryId, eventKey, attemptHeaders, readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  IDENTITY,
  NOON,
  TestLog,
  anEvent,
  called,
  idsOf,
  openTestArchive,
  type TestArchive,
} from './archive.fixture.js';
import { archiveRecords } from './archive.js';
import { commitmentOf } from './commitment.js';

let archive: TestArchive;
let log: TestLog;

beforeEach(async () => {
  archive = await openTestArchive();
  log = new TestLog();
});
afterEach(() => archive.close());

/** One event that is delivered at the second attempt. */
function deliver(event = anEvent()): void {
  const origin = log.event(event);
  const first = idsOf(event, origin);
  const second = { ...first, number: 2 };
  log.requested(event, first);
  log.signed(event, first);
  log.outcome(event, first, called('attempted', first, 503, { nextAttemptAt: NOON + 5_000 }));
  log.requested(event, second);
  log.signed(event, second);
  log.outcome(event, second, called('succeeded', second, 200));
}

const rowsOf = (topic: string): Promise<Record<string, unknown>[]> =>
  archive.database.query(
    `SELECT r.*, p.salt, p.value FROM audit.records r JOIN audit.payloads p USING (source_id, position)
     JOIN audit.sources s ON s.id = r.source_id WHERE s.topic = $1 ORDER BY position`,
    [topic],
  );

describe('what is kept', () => {
  test('keeps every record of every hop, with its ids, and the payload once', async () => {
    deliver();
    expect(await archive.take(log.records)).toBe(7);

    const key = eventKey(1, 'switch-7', 'e-1');
    const [event] = await rowsOf(TOPICS.events.name);
    expect(event).toMatchObject({ kind: 'event', account_id: '1', event_key: key, appended_at: String(NOON) });
    expect(String(event!['value'])).toBe('{"id":7420017300281076000}');
    const outcomes = await rowsOf(TOPICS.outcomes.name);
    expect(outcomes.map(({ kind, number }) => [kind, number])).toEqual([
      ['attempted', 1],
      ['succeeded', 2],
    ]);
    expect(outcomes[0]).toMatchObject({ delivery_id: deliveryId(key, 5), webhook_id: '5', run: 0, value: null });
    expect(outcomes[0]!['facts']).toMatchObject({ nextAttemptAt: NOON + 5_000 });
    const [signed] = await rowsOf(TOPICS.signed.name);
    const bodyHash = createHash('sha256').update('the body').digest('base64url');
    expect(signed!['facts']).toEqual({ url: 'https://example.com/hook', signingKeyIds: ['k1'], bodyHash });
    const all = await archive.database.query<{ text: string }[]>('SELECT r::text AS text FROM audit.records r');
    expect(all.filter(({ text }) => text.includes('7420017300281076000'))).toEqual([]);
  });

  test('keeps what the breakers of endpoints did, by account', async () => {
    const change = { endpoint: 'hash', accountId: 4, state: 'open', at: NOON, openings: 1, retryAt: NOON + 10_000 };
    const value = Buffer.from(JSON.stringify(change));
    log.append({ topic: TOPICS.endpoints.name, key: 'hash', value, headers: {} });
    await archive.take(log.records);
    expect(await rowsOf(TOPICS.endpoints.name)).toMatchObject([{ kind: 'breaker-open', account_id: '4', value }]);
    expect(archive.unreadable).toEqual([]);
  });

  test('keeps who held deliveries and when, by account', async () => {
    const at = { at: NOON, by: '1', version: 1 };
    const pause = { since: NOON, by: '1', role: 'platform' };
    const append = (key: string, event: object) => {
      const value = Buffer.from(JSON.stringify({ ...at, ...event }));
      return log.append({ topic: TOPICS.webhooks.name, key, value, headers: {} });
    };
    append('pause:all', { type: 'deliveries.paused', pause });
    append('pause:4', { type: 'deliveries.resumed', accountId: 4 });
    await archive.take(log.records);
    const rows = await rowsOf(TOPICS.webhooks.name);
    expect(rows.map(({ kind, account_id, webhook_id }) => [kind, account_id, webhook_id])).toEqual([
      ['deliveries.paused', null, null],
      ['deliveries.resumed', '4', null],
    ]);
    expect(archive.unreadable).toEqual([]);
  });

  test('commits to key, headers and value of each record under a salt of its own', async () => {
    deliver();
    await archive.take(log.records);
    const rows = await rowsOf(TOPICS.outcomes.name);
    const records = log.records.filter(({ topic }) => topic === TOPICS.outcomes.name);
    for (const [index, row] of rows.entries()) {
      const { salt, commitment } = row as { salt: Buffer; commitment: Buffer };
      const record = records[index]!;
      expect(commitmentOf(salt, record)).toEqual(commitment);
      expect(commitmentOf(salt, { ...record, value: Buffer.concat([record.value!, Buffer.from(' ')]) })).not.toEqual(
        commitment,
      );
      expect(commitmentOf(salt, { ...record, key: null })).not.toEqual(commitment);
      expect(commitmentOf(salt, { ...record, headers: { ...record.headers, x: '' } })).not.toEqual(commitment);
    }
    expect(new Set(rows.map(({ salt }) => String(salt))).size).toBe(2);
  });

  test('keeps header bytes that are no text, and text that Postgres has no place for', async () => {
    const headers = { raw: Buffer.from([0xff, 0x00]), nul: 'a\0b', list: ['x', Buffer.from('y')] };
    log.append({ topic: TOPICS.events.name, key: null, value: null, headers });
    await archive.take(log.records);
    const [row] = await archive.database.query<{ headers: string }[]>(
      'SELECT headers::text AS headers FROM audit.records',
    );
    expect(JSON.parse(row!.headers)).toEqual({ raw: { base64: '/wA=' }, nul: 'a\0b', list: ['x', 'y'] });
  });

  test('keeps each record in the partition of the day on which the log took it', async () => {
    log.nowMs = Date.UTC(2026, 10, 22, 23, 59, 59, 999);
    for (const id of ['a', 'b', 'c']) log.event(anEvent({ id }));
    await archive.take(log.records);
    expect(await archive.count('audit.records_2026_11_22')).toBe(1);
    expect(await archive.count('audit.records_2026_11_23')).toBe(2);
    expect(await archive.count('audit.payloads_2026_11_23')).toBe(2);
    expect(await archive.count('audit.records_2026_11_24')).toBe(0);
  });
});

describe('once', () => {
  test('takes a batch that comes again once, and of one that overlaps what is new', async () => {
    for (const id of ['a', 'b', 'c', 'd']) log.event(anEvent({ id }));
    expect(await archive.take(log.records.slice(0, 3))).toBe(3);
    expect(await archive.take(log.records.slice(0, 3))).toBe(0);
    expect(await archive.take(log.records.slice(1))).toBe(1);
    expect(await archive.count('audit.records')).toBe(4);
  });

  test('takes a batch once when several instances believe the partition to be theirs', async () => {
    for (let n = 0; n < 200; n += 1) log.event(anEvent({ id: `e-${n}` }));
    const batches = [log.records.slice(0, 150), log.records, log.records.slice(0, 90), log.records];
    const taken = await Promise.all(batches.map((batch) => archiveRecords(archive.deps, batch)));
    expect(taken.reduce((sum, each) => sum + each, 0)).toBe(200);
    const [row] = await archive.database.query<{ n: number }[]>(
      'SELECT count(DISTINCT position)::int AS n FROM audit.records',
    );
    expect([row!.n, await archive.count('audit.records')]).toEqual([200, 200]);
  });

  test('writes nothing when a view cannot be written, and everything on the next try', async () => {
    deliver();
    await archive.database.query(`ALTER TABLE audit.attempts ADD CONSTRAINT no_place CHECK (number > 2)`);
    const outcomes = log.records.filter(({ topic }) => topic === TOPICS.outcomes.name);
    await expect(archive.take(outcomes)).rejects.toThrow('no_place');
    const counts = ['records', 'payloads', 'deliveries'].map((table) => archive.count(`audit.${table}`));
    expect(await Promise.all(counts)).toEqual([0, 0, 0]);
    expect(await archive.database.query('SELECT 1 FROM audit.checkpoints WHERE position > 0')).toEqual([]);
    await archive.database.query('ALTER TABLE audit.attempts DROP CONSTRAINT no_place');
    expect(await archive.take(log.records)).toBe(7);
  });

  test('goes on behind what another instance has archived meanwhile', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) log.event(anEvent({ id }));
    const other = archive.anotherInstance();
    expect(await archive.take(log.records.slice(0, 2))).toBe(2);
    expect(await archiveRecords(other, log.records.slice(0, 4))).toBe(2);
    expect(await archive.take(log.records.slice(2, 5))).toBe(1);
    expect(await archiveRecords(other, log.records.slice(4))).toBe(1);
    expect(await archive.count('audit.records')).toBe(6);
  });

  test('archives again what a database that was set back has lost', async () => {
    for (const id of ['a', 'b', 'c', 'd']) log.event(anEvent({ id }));
    await archive.take(log.records);
    await archive.database.query('DELETE FROM audit.records WHERE position >= 2');
    await archive.database.query('UPDATE audit.checkpoints SET position = 2');
    expect(await archive.take(log.records.slice(1))).toBe(2);
    expect(await archive.count('audit.records')).toBe(4);
  });

  test('makes one statement of a batch', async () => {
    deliver();
    await archive.take(log.records.slice(0, 2));
    archive.statements.length = 0;
    log.event(anEvent({ id: 'next' }));
    await archive.take(log.records.slice(-1));
    expect(archive.statements).toHaveLength(1);
  });

  test('begins anew on another log, whose positions mean something else', async () => {
    deliver();
    await archive.take(log.records);
    expect(await archiveRecords(archive.anotherInstance('kafka:other'), log.records.slice(0, 1))).toBe(1);
    expect(IDENTITY).not.toBe('kafka:other');
  });

  test('splits a batch of large values into several statements', async () => {
    for (let n = 0; n < 10; n += 1)
      log.event(anEvent({ id: `e-${n}`, data: Buffer.from(JSON.stringify('x'.repeat(2 ** 20))) }));
    expect(await archive.take(log.records)).toBe(10);
    expect(archive.statements.filter((text) => text.includes('INSERT INTO audit.records'))).toHaveLength(4);
  });
});

describe('what cannot be read', () => {
  const broken: Record<string, (record: LogRecord) => Partial<LogRecord>> = {
    'without a delivery id': ({ headers: { [HEADER.ids]: _gone, ...headers } }) => ({ headers }),
    'with a run beyond what can be stored': ({ headers }) => ({
      headers: { ...headers, ...attemptHeaders({ ...readAttemptIds(headers), run: 4_000_000_000 }) },
    }),
    'whose parts do not add up': ({ headers }) => ({ headers: { ...headers, [HEADER.parts]: '3' } }),
    'whose facts are no JSON': ({ headers }) => ({
      value: Buffer.from('{'),
      headers: { ...headers, [HEADER.parts]: '1' },
    }),
    'without a value': () => ({ value: null }),
  };
  test.each(Object.keys(broken))('is archived as it is: an outcome %s', async (name) => {
    deliver();
    const records = log.records.map((record) =>
      record.topic === TOPICS.outcomes.name && record.position === 0 ? { ...record, ...broken[name]!(record) } : record,
    );
    expect(await archive.take(records)).toBe(7);
    const [row, next] = await rowsOf(TOPICS.outcomes.name);
    expect(row).toMatchObject({ kind: 'unreadable', delivery_id: null, value: records[3]!.value });
    expect(next).toMatchObject({ kind: 'succeeded' });
    expect(archive.unreadable).toHaveLength(1);
    expect(await archive.count('audit.attempts')).toBe(1);
  });

  test('is waited for when its layout is newer than this version knows', async () => {
    deliver();
    const newer = { ...log.records[1]!, headers: { ...log.records[1]!.headers, [HEADER.schema]: '2' } };
    await expect(archive.take([newer])).rejects.toThrow(HoldError);
    expect(await archive.count('audit.records')).toBe(0);
  });
});
