import { HEADER, TOPICS, type Outcome, type Webhook } from '@switchhook/contracts';
import { attemptHeaders, outcomeRecord } from '@switchhook/domain';
import type { LogRecord } from '@switchhook/event-log';
import { describe, expect, it, vi } from 'vitest';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import { ScheduleProjection } from './schedule-projection.js';
import type { ScheduleChange } from './schedule-row.js';

const outcome = (position: number, facts: Outcome, data: Buffer = Buffer.from('{}')): LogRecord => {
  const { headers, value, key } = outcomeRecord(
    {
      key: '1',
      headers: { ...attemptHeaders(idsFixture(position)), [HEADER.attributes]: '{"subject":"call-1"}' },
      data,
    },
    facts,
  );
  const place = { topic: TOPICS.outcomes.name, partition: 0, position, appendedAtMs: 1 };
  return { ...place, key: Buffer.from(key ?? ''), value, headers };
};
const parked = (position: number, data?: Buffer): LogRecord =>
  outcome(position, { outcome: 'deferred', at: 1, reason: 'lane-full' }, data);
const retried = (position: number): LogRecord => outcome(position, { outcome: 'attempted', at: 1, nextAttemptAt: 2 });
const succeeded = (position: number): LogRecord => outcome(position, { outcome: 'succeeded', at: 1 });

/** A projection of partition 0, which is ours; `log` is what can be read again. */
async function projected(log: readonly LogRecord[] = [], webhook: Partial<Webhook> = {}, end = log.length) {
  const table = { position: null as number | null, writes: [] as number[] };
  const told: (readonly ScheduleChange[])[] = [];
  const projection = new ScheduleProjection({
    log: {
      identity: 'log',
      read: async function* (_topic, _partition, from, to) {
        const start = 'position' in from ? from.position : 0;
        yield log.filter(({ position }) => position >= start && position < to);
      },
    },
    schedule: {
      position: async () => table.position,
      apply: async (_at, from, to, changes) => {
        if (table.position !== from) return false;
        table.writes.push(changes.length);
        table.position = to;
        return true;
      },
    },
    webhooks: { get: () => webhookFixture(webhook), has: () => true },
    names: new FinishedNames(),
    onChanged: (_partition, changes) => told.push(changes),
    onUnreadable: (_record, reason) => expect.unreachable(reason),
    onLost: () => undefined,
  });
  const signal = new AbortController().signal;
  await projection.assign({
    ...{ partition: 0, starts: {}, signal, isSure: () => true },
    ends: { [TOPICS.outcomes.name]: end },
  });
  return { projection, table, told };
}

describe('what is parked', () => {
  it('is written with what comes next that has no time, in order, and told of then', async () => {
    const { projection, table, told } = await projected();
    await projection.apply(0, [parked(0)]);
    await projection.apply(0, [succeeded(1), parked(2)]);
    expect([table.writes, told]).toEqual([[], []]);
    expect([projection.isHolding(1), projection.isHolding(2)]).toEqual([true, false]);
    await projection.apply(0, [retried(3)]);
    expect(table).toEqual({ position: 4, writes: [3] });
    expect(told.map((changes) => changes.map((change) => change.kind === 'put' && change.row.position))).toEqual([
      [0, 2, 3],
    ]);
    expect(projection.isHolding(1)).toBe(false);
  });

  it('is written by itself after 250 ms', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { projection, table } = await projected();
      await projection.apply(0, [parked(0)]);
      await projection.apply(0, [parked(1)]);
      await vi.advanceTimersByTimeAsync(249);
      expect(table.writes).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(table).toEqual({ position: 2, writes: [2] });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is written at once when there is much of it', async () => {
    const { projection, table } = await projected();
    await projection.apply(
      0,
      Array.from({ length: 500 }, (_, position) => parked(position)),
    );
    expect(table.writes).toEqual([]);
    await projection.apply(0, [parked(500)]);
    expect(table.writes).toEqual([501]);
    await projection.apply(0, [parked(501, Buffer.alloc(800_000))]);
    expect(table.writes).toEqual([501]);
    await projection.apply(0, [parked(502, Buffer.alloc(300_000))]);
    expect(table.writes).toEqual([501, 2]);
  });

  it('is written at once where the next one of its subject waits for it', async () => {
    const { projection, table } = await projected([], { ordering: 'key' });
    await projection.apply(0, [parked(0)]);
    expect(table.writes).toEqual([1]);
  });

  it('is written before the partition is ours, and before it goes to somebody else', async () => {
    const { projection, table } = await projected([parked(0)]);
    expect(table.writes).toEqual([1]);
    await projection.apply(0, [parked(1)]);
    await projection.revoke(0);
    expect(table).toEqual({ position: 2, writes: [1, 1] });
  });

  it('is written once when the database has lost what was written before it', async () => {
    const { projection, table, told } = await projected([retried(0), parked(1)], {}, 0);
    await projection.apply(0, [retried(0)]);
    await projection.apply(0, [parked(1)]);
    expect(table).toEqual({ position: 1, writes: [1] });
    table.position = 0;
    await projection.keepUp();
    expect(table).toEqual({ position: 2, writes: [1, 2] });
    expect(told.map(({ length }) => length)).toEqual([1, 2]);
  });
});
