import { HEADER, TOPICS, type Outcome } from '@switchhook/contracts';
import { attemptHeaders, outcomeRecord } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import { expect, it } from 'vitest';
import { FinishedNames } from './finished-names.js';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { ScheduleProjection } from './schedule-projection.js';
import type { ScheduleChange } from './schedule-row.js';

/** A schedule that keeps only its position, by compare-and-set, each write taking a turn of the event loop. */
class Positions {
  stored: number | null = null;
  /** How many of the next writes are made without an answer. */
  answersLost = 0;
  moves: (readonly [number | null, number])[] = [];

  async position(): Promise<number | null> {
    return this.stored;
  }

  async apply(_at: unknown, from: number | null, to: number): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.stored !== from) return false;
    this.moves.push([from, to]);
    this.stored = to;
    if (this.answersLost > 0) {
      this.answersLost -= 1;
      throw new Error('the connection broke');
    }
    return true;
  }
}

const outcome = (position: number, facts: Partial<Outcome>): LogRecord => {
  const data = Buffer.from('{}');
  const { headers, value, key } = outcomeRecord(
    {
      key: '1',
      headers: { ...attemptHeaders(idsFixture(position)), [HEADER.attributes]: '{"subject":"call-1"}' },
      data,
    },
    { outcome: 'succeeded', at: 1, ...facts },
  );
  return {
    topic: TOPICS.outcomes.name,
    partition: 0,
    position,
    appendedAtMs: 1,
    key: Buffer.from(key ?? ''),
    value,
    headers,
  };
};

const attempted = { outcome: 'attempted', nextAttemptAt: 2 } as const;

it('a change whose write was answered by nobody is told when it comes again', async () => {
  const schedule = new Positions();
  const told: number[] = [];
  const projection = new ScheduleProjection({
    log: { identity: 'log', read: async function* () {} },
    schedule,
    webhooks: { get: () => undefined, has: () => true },
    names: new FinishedNames(),
    onChanged: (_partition, changes) => told.push(changes.length),
    onUnreadable: (_record, reason) => expect.unreachable(reason),
    onLost: () => expect.unreachable('nothing was lost'),
  });
  const signal = new AbortController().signal;
  await projection.assign({ partition: 0, starts: {}, ends: {}, signal, isSure: () => true });
  await projection.apply(0, [outcome(0, attempted)]);
  schedule.answersLost = 1;
  const batch = [outcome(1, attempted), outcome(2, attempted)];
  await expect(projection.apply(0, batch)).rejects.toThrow('the connection broke');
  await projection.apply(0, batch);
  expect(told).toEqual([1, 2]);
  await projection.apply(0, [outcome(3, attempted)]);
  expect(schedule.moves.at(-1)).toEqual([3, 4]);
});

it('what is lost is read again although the answer to one of these writes is lost, too', async () => {
  const schedule = new Positions();
  const log = [0, 1, 2].map((position) => outcome(position, attempted));
  const projection = new ScheduleProjection({
    log: {
      identity: 'log',
      read: async function* (_topic, _partition, from, to) {
        const start = 'position' in from ? from.position : 0;
        for (const record of log) if (record.position >= start && record.position < to) yield [record];
      },
    },
    schedule,
    webhooks: { get: () => undefined, has: () => true },
    names: new FinishedNames(),
    onChanged: () => undefined,
    onUnreadable: (_record, reason) => expect.unreachable(reason),
    onLost: () => undefined,
  });
  const signal = new AbortController().signal;
  await projection.assign({ partition: 0, starts: {}, ends: {}, signal, isSure: () => true });
  for (const record of log) await projection.apply(0, [record]);
  expect(await projection.isWhole(0)).toBe(true);
  schedule.stored = 1;
  schedule.answersLost = 1;
  expect(await projection.isWhole(0)).toBe(false);
  await expect(projection.keepUp()).rejects.toThrow('the connection broke');
  expect(await projection.isWhole(0)).toBe(false);
  await projection.keepUp();
  expect(schedule.stored).toBe(3);
  expect(await projection.isWhole(0)).toBe(true);
});

it('an outcome of a webhook that is not known yet is held, and says nothing of its order', async () => {
  const known = new Set<number>();
  const told: (readonly ScheduleChange[])[] = [];
  const webhook = webhookFixture({ ordering: 'key' });
  const projection = new ScheduleProjection({
    log: { identity: 'log', read: async function* () {} },
    schedule: new Positions(),
    webhooks: { get: (id) => (known.has(id) ? webhook : undefined), has: (id) => known.has(id) },
    names: new FinishedNames(),
    onChanged: (_partition, changes) => told.push(changes),
    onUnreadable: (_record, reason) => expect.unreachable(reason),
    onLost: () => expect.unreachable('nothing was lost'),
  });
  const signal = new AbortController().signal;
  await projection.assign({ partition: 0, starts: {}, ends: {}, signal, isSure: () => true });
  await expect(projection.apply(0, [outcome(0, attempted)])).rejects.toBeInstanceOf(HoldError);
  known.add(webhook.id);
  await projection.apply(0, [outcome(0, attempted)]);
  expect(told).toMatchObject([[{ kind: 'put', row: { place: { subject: 'call-1' } } }]]);
});

it('a position that the timer stores while a batch is being applied is not taken for the move of another owner', async () => {
  const schedule = new Positions();
  const projection = new ScheduleProjection({
    log: { identity: 'log', read: async function* () {} },
    schedule,
    webhooks: { get: () => undefined, has: () => true },
    names: new FinishedNames(),
    onChanged: () => undefined,
    onUnreadable: (_record, reason) => expect.unreachable(reason),
    onLost: () => expect.unreachable('nothing was lost'),
  });
  const signal = new AbortController().signal;
  await projection.assign({ partition: 0, starts: {}, ends: {}, signal, isSure: () => true });
  await projection.apply(0, [outcome(0, {})]); // Nothing to store: only seen.
  const timer = projection.keepUp();
  const batch = projection.apply(0, [outcome(1, attempted)]);
  const timerAgain = projection.keepUp();
  await Promise.all([timer, batch, timerAgain]);
  expect(schedule.moves).toEqual([
    [null, 1],
    [1, 2],
  ]);
});
