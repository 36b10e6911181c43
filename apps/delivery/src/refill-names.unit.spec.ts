import { HEADER, TOPICS, type AttemptIds, type OutcomeName, type RecordHeaders } from '@switchhook/contracts';
import { attemptHeaders, attemptName } from '@switchhook/domain';
import type { AssignedPartition, LogRecord, ReadFrom } from '@switchhook/event-log';
import { describe, expect, it } from 'vitest';
import { idsFixture, signedFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import { refillNames } from './refill-names.js';

const NOW = 1_000_000;

/** The outcome of the delivery of event `event`, `agoMs` ago. */
function outcome(event: number, agoMs: number, name: OutcomeName = 'succeeded'): LogRecord {
  const headers: RecordHeaders = { ...attemptHeaders(idsFixture(event)), [HEADER.outcome]: name };
  const place = { topic: TOPICS.outcomes.name, partition: 0, position: event };
  return { ...place, appendedAtMs: NOW - agoMs, key: null, value: null, headers };
}

/** A signed record that will be handed to us, taken by the log `agoMs` ago. */
function signedAgain(event: number, agoMs: number, ids: Partial<AttemptIds>): LogRecord {
  const record = signedFixture(event, event);
  return {
    ...record,
    appendedAtMs: NOW - agoMs,
    headers: { ...record.headers, ...attemptHeaders(idsFixture(event, ids)) },
  };
}

/** Which of the events' names are known after a refill; the outcomes and signed records are what the log holds. */
async function refilled(
  outcomes: readonly LogRecord[],
  signed: readonly LogRecord[] = [],
  hopsSinceMs = Infinity,
  names = new FinishedNames(),
): Promise<number[]> {
  const end = (outcomes.at(-1)?.position ?? -1) + 1;
  const assigned: AssignedPartition = {
    partition: 0,
    starts: { [TOPICS.signed.name]: 0 },
    ends: { [TOPICS.signed.name]: 10, [TOPICS.outcomes.name]: end },
    signal: new AbortController().signal,
    isSure: () => true,
  };
  const since = (record: LogRecord, from: ReadFrom) =>
    'timeMs' in from ? record.appendedAtMs >= from.timeMs : record.position >= from.position;
  const log = {
    read: async function* (topic: string, _partition: number, from: ReadFrom) {
      yield (topic === TOPICS.outcomes.name ? outcomes : signed).filter((record) => since(record, from));
    },
  };
  const hops = { since: async () => hopsSinceMs };
  await refillNames({ log, names, hops, now: () => NOW }, assigned);
  return outcomes.map(({ position }) => position).filter((event) => names.has(attemptName(idsFixture(event))));
}

describe('the names of finished attempts, refilled at an assignment', () => {
  it('reach half a minute back where nothing will come again: a write may have been held up so long', async () => {
    expect(await refilled([outcome(1, 40_000), outcome(2, 20_000), outcome(3, 0)])).toEqual([2, 3]);
  });

  it('reach back to the oldest record that a hop before may hand on once more, however long it was away', async () => {
    const outcomes = [outcome(1, 700_000), outcome(2, 500_000), outcome(3, 10)];
    expect(await refilled(outcomes, [], NOW - 600_000)).toEqual([2, 3]);
  });

  it('reach back to the first signed record that will come again', async () => {
    const again = signedAgain(9, 600_000, { number: 2 });
    expect(await refilled([outcome(1, 700_000), outcome(2, 500_000), outcome(3, 10)], [again])).toEqual([2, 3]);
  });

  it('reach half a minute before it: it may be a repeat that an owner before us dropped', async () => {
    const repeat = signedAgain(9, 60_000, { number: 2 });
    expect(await refilled([outcome(1, 95_000), outcome(2, 70_000), outcome(3, 20_000)], [repeat])).toEqual([2, 3]);
  });

  it('reach back to the acceptance of first attempts: a repeat of one is as old as its last signature only', async () => {
    const repeats = [signedAgain(8, 60_000, { number: 2 }), signedAgain(9, 60_000, { acceptedAt: NOW - 300_000 })];
    expect(await refilled([outcome(1, 400_000), outcome(2, 290_000), outcome(3, 20_000)], repeats)).toEqual([2, 3]);
  });

  it('are no more than a takeover has time for, but always those of the last half minute', async () => {
    const many = Array.from({ length: 60_000 }, (_, event) => outcome(event, (60_000 - event) * 10));
    const found = await refilled(many, [], NOW - 600_000);
    expect([found.at(0), found.length]).toEqual([7_000, 53_000]);
  });

  it('leave out what was only put off, and what names no attempt', async () => {
    const unmatched = { ...outcome(3, 10, 'unmatched'), headers: { [HEADER.outcome]: 'unmatched' } };
    const unreadable = { ...outcome(4, 10), headers: { [HEADER.outcome]: 'rejected' } };
    expect(await refilled([outcome(1, 10, 'deferred'), outcome(2, 10, 'attempted'), unmatched, unreadable])).toEqual([
      2,
    ]);
  });

  it('tell which deliveries have ended: what a former owner writes of them later changes nothing', async () => {
    const names = new FinishedNames();
    await refilled([outcome(1, 10, 'attempted'), outcome(2, 10, 'deferred'), outcome(3, 10, 'expired')], [], 0, names);
    expect([1, 2, 3].filter((event) => names.hasEnded(idsFixture(event)))).toEqual([3]);
  });
});
