import { HEADER, TOPICS, type Outcome, type RecordHeaders } from '@switchhook/contracts';
import { attemptHeaders, deliveryId, outcomeRecord, readAttemptIds } from '@switchhook/domain';
import type { AssignedPartition, LogRecord, OutgoingRecord } from '@switchhook/event-log';
import { migrate, openDatabase } from '@switchhook/event-store';
import { createDatabase, eventually, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FinishedNames } from './finished-names.js';
import { DELIVERY_MIGRATIONS } from './migrations/all.js';
import { Releaser } from './release.js';
import { Schedule } from './schedule.js';
import { ScheduleProjection } from './schedule-projection.js';
import type { ScheduleChange } from './schedule-row.js';

const EVENT_KEY = '11111111-1111-5111-8111-111111111111';
const PARTITION = 3;

interface Step {
  readonly delivery: number;
  readonly number?: number;
  readonly deferrals?: number;
  readonly webhookId?: number;
  readonly outcome: Outcome;
}

let database: TestDatabase;
let connection: DataSource;
let schedule: Schedule;

beforeAll(async () => {
  database = await createDatabase();
  await migrate({
    url: database.url,
    schema: 'delivery',
    migrations: DELIVERY_MIGRATIONS,
  });
  connection = await openDatabase({ url: database.url, applicationName: 'spec' });
  schedule = new Schedule(connection);
});
afterAll(async () => {
  await connection?.destroy();
  await database?.drop();
});
beforeEach(() => connection.query('truncate delivery.schedule, delivery.checkpoints'));

const idOf = (delivery: number, webhookId = 1) => deliveryId(EVENT_KEY, webhookId * 1_000 + delivery);

/** The outcomes of one partition, as the log would hand them on. */
function outcomes(steps: readonly Step[]): LogRecord[] {
  return steps.map(({ delivery, number = 1, deferrals = 0, webhookId = 1, outcome }, position) => {
    const ids = {
      accountId: 1,
      eventKey: EVENT_KEY,
      deliveryId: idOf(delivery, webhookId),
      webhookId,
      webhookVersion: 1,
      run: 0,
      number,
      deferrals,
      acceptedAt: 0,
      origin: '0:1',
    };
    const headers: RecordHeaders = { ...attemptHeaders(ids), [HEADER.attributes]: `event-${delivery}` };
    const record = outcomeRecord({ key: String(webhookId), headers, data: Buffer.from(`{"n":${delivery}}`) }, outcome);
    const key = Buffer.from(String(record.key));
    return { ...record, key, partition: PARTITION, position, appendedAtMs: position };
  });
}

const failed = (nextAttemptAt: number): Outcome => ({ outcome: 'attempted', at: 0, nextAttemptAt });
const parked: Outcome = { outcome: 'deferred', at: 0, reason: 'lane-full' };
const succeeded: Outcome = { outcome: 'succeeded', at: 0 };

const assigned = (end: number): AssignedPartition => ({
  partition: PARTITION,
  starts: {},
  ends: { [TOPICS.outcomes.name]: end },
  signal: new AbortController().signal,
  isSure: () => true,
});

/** A projection over `log`, and a releaser behind it whose lanes have the room that `room` says. */
function running(
  log: readonly LogRecord[],
  room: (webhookId: number) => number = () => 100,
  names = new FinishedNames(),
) {
  const requested: OutgoingRecord[] = [];
  const lost: (readonly [number, number])[] = [];
  let nowMs = 1_000;
  let unavailable = false;
  let refused = 0;
  const releaser = new Releaser({
    log: {
      publish: async (records) => {
        if (unavailable) {
          refused += 1;
          throw new Error('the log is away');
        }
        requested.push(...records);
        return [];
      },
    },
    schedule,
    webhooks: { get: () => undefined, has: () => true },
    room,
    refillAt: () => 1,
    order: { handles: () => false, next: async () => [], admits: () => true, again: () => undefined },
    isRowToCome: () => false,
    onDrained: () => undefined,
    onParked: () => undefined,
    now: () => nowMs,
    onError: () => undefined,
  });
  const projection = new ScheduleProjection({
    log: {
      identity: 'embedded:test',
      read: async function* (_topic, _partition, from, to) {
        const start = 'position' in from ? from.position : 0;
        for (const record of log) if (record.position >= start && record.position < to) yield [record];
      },
    },
    schedule,
    webhooks: { get: () => undefined, has: () => true },
    names,
    onChanged: (partition, changes) => releaser.changed(partition, changes),
    onUnreadable: (_record, reason) => {
      throw new Error(reason);
    },
    onLost: (_partition, from, to) => lost.push([from, to]),
  });
  opened.push(releaser);
  const take = async () => {
    await projection.assign(assigned(log.length));
    await releaser.assign(PARTITION);
  };
  return {
    projection,
    releaser,
    requested,
    lost,
    take,
    refused: () => refused,
    setNow: (ms: number) => (nowMs = ms),
    setUnavailable: (away: boolean) => (unavailable = away),
    requestedIds: () =>
      requested.map(({ headers }) => {
        const { deliveryId, number } = readAttemptIds(headers);
        return `${deliveryId}#${number}`;
      }),
  };
}
const opened: Releaser[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((releaser) => releaser.close()));
});

describe('the schedule', () => {
  it('requests a failed attempt again when it is due, with the next number and the data as it was', async () => {
    const run = running(outcomes([{ delivery: 1, outcome: failed(5_000) }]));
    await run.take();
    expect(run.requested).toEqual([]);
    run.setNow(5_000);
    run.releaser.wake();
    await eventually(() => expect(run.requestedIds()).toEqual([`${idOf(1)}#2`]));
    expect(run.requested[0]).toMatchObject({ topic: TOPICS.requested.name, key: '1', value: Buffer.from('{"n":1}') });
    expect(run.requested[0]?.headers).toMatchObject({ [HEADER.attributes]: 'event-1', [HEADER.kind]: 'request' });
  });

  it('keeps a released row until its outcome, and releases it again only after a minute without one', async () => {
    const run = running(outcomes([{ delivery: 1, outcome: failed(0) }]));
    await run.take();
    await eventually(() => expect(run.requested).toHaveLength(1));
    run.setNow(50_000);
    run.releaser.wake();
    await eventually(async () => expect(await schedule.count([PARTITION])).toBe(1));
    expect(run.requested).toHaveLength(1);
    run.setNow(70_000);
    run.releaser.wake();
    await eventually(() => expect(run.requestedIds()).toEqual([`${idOf(1)}#2`, `${idOf(1)}#2`]));
  });

  it('forgets a delivery whose outcome is terminal, and requests nothing after a takeover', async () => {
    const log = outcomes([
      { delivery: 1, outcome: failed(0) },
      { delivery: 1, number: 2, outcome: succeeded },
    ]);
    const first = running(log);
    await first.take();
    const second = running(log);
    await second.take();
    expect(await schedule.count([PARTITION])).toBe(0);
    expect([...first.requested, ...second.requested]).toEqual([]);
  });

  it('is not brought back by a former owner, whose word that an attempt was put off came late', async () => {
    const log = outcomes([
      { delivery: 1, outcome: parked },
      { delivery: 1, deferrals: 1, outcome: succeeded },
      { delivery: 1, deferrals: 1, outcome: parked },
      { delivery: 2, outcome: parked },
    ]);
    await running(log, () => 0).take();
    expect(await schedule.count([PARTITION])).toBe(1);
  });

  it('is not brought back by a former owner, whose failed call came to the log after the end', async () => {
    const log = outcomes([
      { delivery: 1, outcome: parked },
      { delivery: 1, deferrals: 1, outcome: succeeded },
      { delivery: 1, deferrals: 1, outcome: failed(5_000) },
      { delivery: 2, outcome: failed(5_000) },
    ]);
    await running(log).take();
    expect(await schedule.count([PARTITION])).toBe(1);
  });

  it('is not brought back when the end is known from before: its record is not among those that are read again', async () => {
    const names = new FinishedNames();
    const log = outcomes([{ delivery: 1, outcome: failed(5_000) }]);
    names.addEnded(readAttemptIds(log[0]!.headers));
    await running(log, undefined, names).take();
    expect(await schedule.count([PARTITION])).toBe(0);
  });

  it('writes nothing for a delivery that succeeds at once', async () => {
    const run = running(outcomes([{ delivery: 1, outcome: succeeded }]));
    await run.take();
    expect(
      await schedule.position({ identity: 'embedded:test', topic: TOPICS.outcomes.name, partition: PARTITION }),
    ).toBe(null);
    await run.projection.keepUp();
    expect(
      await schedule.position({ identity: 'embedded:test', topic: TOPICS.outcomes.name, partition: PARTITION }),
    ).toBe(1);
  });

  it('is the same after the outcomes were read twice', async () => {
    const log = outcomes([
      { delivery: 1, outcome: failed(9_000) },
      { delivery: 2, outcome: parked },
      { delivery: 1, number: 2, outcome: failed(20_000) },
      { delivery: 3, outcome: failed(9_000) },
      { delivery: 3, number: 2, outcome: succeeded },
    ]);
    const rows = () =>
      connection.query('select delivery_id, number, deferrals, due_at from delivery.schedule order by 1');
    await running(log).projection.assign(assigned(log.length));
    const once = await rows();
    await connection.query('delete from delivery.checkpoints');
    await running(log).projection.assign(assigned(log.length));
    expect(await rows()).toEqual(once);
    expect(once).toHaveLength(2);
  });

  it.each([true, false])(
    'keeps the newest row when an outcome comes late that says less, in one batch with it: %s',
    async (together) => {
      // A former owner's, whose broker did not answer for a while: what it puts back would be dropped as done, for ever.
      const log = outcomes([
        { delivery: 1, deferrals: 1, outcome: parked },
        { delivery: 1, outcome: parked },
        { delivery: 2, number: 2, deferrals: 0, outcome: parked },
        { delivery: 2, outcome: failed(9_000) },
      ]);
      const run = running(log);
      await run.projection.assign(assigned(0));
      for (const some of together ? [log] : log.map((record) => [record])) await run.projection.apply(PARTITION, some);
      const rows: unknown[] = await connection.query('select delivery_id, number, deferrals from delivery.schedule');
      expect(rows).toHaveLength(2);
      expect(rows).toContainEqual({ delivery_id: idOf(1), number: 1, deferrals: 2 });
      expect(rows).toContainEqual({ delivery_id: idOf(2), number: 2, deferrals: 1 });
    },
  );

  it('does not go back when outcomes are handed on that it has seen', async () => {
    const log = outcomes([
      { delivery: 1, outcome: failed(9_000) },
      { delivery: 1, number: 2, outcome: succeeded },
    ]);
    const run = running(log);
    await run.take();
    await run.projection.apply(PARTITION, log.slice(0, 1));
    expect(await schedule.count([PARTITION])).toBe(0);
    const at = { identity: 'embedded:test', topic: TOPICS.outcomes.name, partition: PARTITION };
    expect(await schedule.position(at)).toBe(2);
  });

  it('writes nothing when another owner has moved the position', async () => {
    const log = outcomes([{ delivery: 1, outcome: failed(9_000) }]);
    const stale = running(log);
    await stale.projection.assign(assigned(0));
    await running(log).take();
    await connection.query('truncate delivery.schedule');
    await stale.projection.apply(PARTITION, log);
    expect(await schedule.count([PARTITION])).toBe(0);
  });

  describe('after the database has lost its last writes', () => {
    const log = outcomes([
      { delivery: 1, outcome: failed(9_000) },
      { delivery: 2, outcome: failed(9_000) },
      { delivery: 1, number: 2, outcome: succeeded },
      { delivery: 3, outcome: failed(9_000) },
    ]);
    /** A projection that has applied the first three of `log`; the database knows of the first only, or of none. */
    const losing = async (known: 0 | 1) => {
      const run = running(log);
      await run.projection.assign(assigned(0));
      if (known === 1) await run.projection.apply(PARTITION, log.slice(0, 1));
      const tables = ['delivery.schedule', 'delivery.checkpoints'];
      for (const table of tables) await connection.query(`create table ${table}_kept as table ${table}`);
      await run.projection.apply(PARTITION, log.slice(known, 3));
      for (const table of tables) {
        await connection.query(`truncate ${table}; insert into ${table} table ${table}_kept; drop table ${table}_kept`);
      }
      return run;
    };
    const waiting = async () => {
      const rows: { delivery_id: string }[] = await connection.query('select delivery_id from delivery.schedule');
      return rows.map((row) => row.delivery_id).sort();
    };

    it.each([0, 1] as const)(
      'reads again what it had applied, before the next outcome: it had stored %i',
      async (known) => {
        const { projection, lost } = await losing(known);
        await expect(projection.apply(PARTITION, log.slice(3))).rejects.toThrow('was lost');
        await projection.apply(PARTITION, log.slice(3));
        expect(await waiting()).toEqual([idOf(2), idOf(3)].sort());
        expect(lost).toEqual([[known, 3]]);
      },
    );

    it('notices it although no outcome comes', async () => {
      const { projection, lost } = await losing(1);
      await projection.keepUp();
      expect(await waiting()).toEqual([idOf(2)]);
      expect(lost).toEqual([[1, 3]]);
      await projection.keepUp();
      expect(lost).toHaveLength(1);
    });

    it('leaves it to the next owner when the partition goes away', async () => {
      const { projection } = await losing(1);
      await expect(projection.apply(PARTITION, log.slice(3))).rejects.toThrow('was lost');
      await projection.revoke(PARTITION);
      await running(log).take();
      expect(await waiting()).toEqual([idOf(2), idOf(3)].sort());
    });
  });

  it('says so when another owner has moved the position less far than it would', async () => {
    const log = outcomes([
      { delivery: 1, outcome: failed(9_000) },
      { delivery: 2, outcome: failed(9_000) },
    ]);
    const stale = running(log);
    await stale.projection.assign(assigned(0));
    await running(log).projection.assign(assigned(1));
    await expect(stale.projection.apply(PARTITION, log)).rejects.toThrow('another owner');
    await stale.projection.apply(PARTITION, log);
    expect(await schedule.count([PARTITION])).toBe(2);
  });

  it('neither stores nor removes anything from a position at which it is not', async () => {
    const at = { identity: 'embedded:test', topic: TOPICS.outcomes.name, partition: PARTITION };
    await running(outcomes([{ delivery: 1, outcome: parked }]), () => 0).take();
    const parkedIds = async () => {
      const rows: { delivery_id: string }[] = await connection.query('select delivery_id from delivery.schedule');
      return rows.map((each) => each.delivery_id);
    };
    const [row] = await schedule.parked(PARTITION, 1, [], 1);
    const changes: ScheduleChange[] = [
      { kind: 'put', row: { ...row!, ids: { ...row!.ids, deliveryId: idOf(2) } } },
      { kind: 'remove', webhookId: 1, deliveryId: idOf(1), run: 0 },
    ];
    expect(await schedule.apply(at, 0, 5, changes)).toBe(false);
    expect([await schedule.position(at), await parkedIds()]).toEqual([1, [idOf(1)]]);
    expect(await schedule.apply(at, 1, 5, changes)).toBe(true);
    expect([await schedule.position(at), await parkedIds()]).toEqual([5, [idOf(2)]]);
  });

  it('releases parked rows in their order, as many as the lane has room for, and the rest when it has more', async () => {
    let room = 2;
    const run = running(outcomes([1, 2, 3].map((delivery) => ({ delivery, outcome: parked }))), () => room);
    await run.take();
    await eventually(() => expect(run.requestedIds()).toEqual([`${idOf(1)}#1`, `${idOf(2)}#1`]));
    room = 3;
    run.releaser.roomFor(1);
    await eventually(() => expect(run.requestedIds().at(-1)).toBe(`${idOf(3)}#1`));
  });

  it('lets nothing that waits for a full lane stand in front of what is due for another', async () => {
    const full = Array.from({ length: 700 }, (_, delivery) => ({ delivery, webhookId: 1, outcome: failed(0) }));
    const run = running(outcomes([...full, { delivery: 1, webhookId: 2, outcome: failed(1) }]), (webhookId) =>
      webhookId === 1 ? 0 : 10,
    );
    await run.take();
    await eventually(() => expect(run.requestedIds()).toEqual([`${idOf(1, 2)}#2`]));
  });

  it('tries again when the log was away', async () => {
    const run = running(outcomes([{ delivery: 1, outcome: failed(0) }]));
    run.setUnavailable(true);
    await run.take();
    await eventually(() => expect(run.refused()).toBe(1));
    run.setUnavailable(false);
    run.releaser.wake();
    await eventually(() => expect(run.requested).toHaveLength(1));
  });
});
