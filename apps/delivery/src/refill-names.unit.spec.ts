import { HEADER, TOPICS, type OutcomeName, type RecordHeaders } from '@switchhook/contracts';
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

/** Which of the events' names are known after a refill; the outcomes and signed records are what the log holds. */
async function refilled(outcomes: readonly LogRecord[], signed: readonly LogRecord[] = []): Promise<number[]> {
  const end = Math.max(...outcomes.map(({ position }) => position)) + 1;
  const names = new FinishedNames();
  const assigned: AssignedPartition = {
    partition: 0,
    starts: { [TOPICS.signed.name]: 0 },
    ends: { [TOPICS.signed.name]: signed.length, [TOPICS.outcomes.name]: end },
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
  await refillNames(log, names, assigned, NOW);
  return outcomes.map(({ position }) => position).filter((event) => names.has(attemptName(idsFixture(event))));
}

describe('the names of finished attempts, refilled at an assignment', () => {
  it('are those of the outcomes since the first signed record that will come again', async () => {
    const signed = { ...signedFixture(9, 0), appendedAtMs: NOW - 600_000 };
    expect(await refilled([outcome(1, 700_000), outcome(2, 500_000), outcome(3, 10)], [signed])).toEqual([2, 3]);
  });

  it('reach half a minute back where no signed record waits: what is signed again is that much younger than its outcome', async () => {
    expect(await refilled([outcome(1, 40_000), outcome(2, 20_000), outcome(3, 0)])).toEqual([2, 3]);
  });

  it('reach half a minute before the first signed record: it may be a repeat that an owner before us dropped', async () => {
    const repeat = { ...signedFixture(9, 0), appendedAtMs: NOW - 60_000 };
    expect(await refilled([outcome(1, 95_000), outcome(2, 70_000), outcome(3, 20_000)], [repeat])).toEqual([2, 3]);
  });

  it('reach half a minute before the last outcome when nothing has run since: the hops before us stood still too', async () => {
    expect(await refilled([outcome(1, 640_000), outcome(2, 620_000), outcome(3, 600_000)])).toEqual([2, 3]);
  });

  it('leave out what was only put off, and what names no attempt', async () => {
    const unmatched = { ...outcome(3, 10, 'unmatched'), headers: { [HEADER.outcome]: 'unmatched' } };
    const unreadable = { ...outcome(4, 10), headers: { [HEADER.outcome]: 'rejected' } };
    expect(await refilled([outcome(1, 10, 'deferred'), outcome(2, 10, 'attempted'), unmatched, unreadable])).toEqual([
      2,
    ]);
  });
});
