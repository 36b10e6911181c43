import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../event-log.js';
import { HandOver, type Taker } from './hand-over.js';
import { PublishCall, type PartitionBatch } from './produce-queue.js';

const TOPIC = 'p.events.v1';
const APPENDED_MS = 1_764_000_000_000;

function batchOf(values: readonly string[], partition = 0): PartitionBatch {
  const call = new PublishCall(values.length, 0);
  const records = values.map((value, index) => {
    const key = Buffer.from('k');
    const record = { topic: 'events.v1', key: 'k', value: Buffer.from(value), headers: { a: '1' } };
    return { call, index, record, key, topic: TOPIC, partition, bytes: 1 };
  });
  return { topic: TOPIC, partition, records, bytes: 1 };
}

class FakeTaker implements Taker {
  readonly topic = TOPIC;
  readonly partition = 0;
  readonly taken: LogRecord[] = [];
  wantsMore = true;
  given = 0;
  behind = 0;
  readonly events = { given: () => (this.given += 1), behind: () => (this.behind += 1) };

  constructor(public position: number) {}

  take(records: readonly LogRecord[], next: number): void {
    this.taken.push(...records);
    this.position = next;
  }

  get values(): string[] {
    return this.taken.map((record) => String(record.value));
  }
}

function handedTo(position: number): { handOver: HandOver; taker: FakeTaker; end: () => void } {
  const handOver = new HandOver();
  const taker = new FakeTaker(position);
  return { handOver, taker, end: handOver.add([taker], taker.events) };
}

describe('handing over what this process has appended', () => {
  it('gives the records, as a fetch would, to whoever waits for exactly their position', () => {
    const { handOver, taker } = handedTo(7);
    handOver.appended(batchOf(['a', 'b']), 7, APPENDED_MS);
    handOver.appended(batchOf(['c']), 9, APPENDED_MS);
    expect(taker.taken[1]).toEqual({
      topic: 'events.v1',
      partition: 0,
      position: 8,
      appendedAtMs: APPENDED_MS,
      key: Buffer.from('k'),
      value: Buffer.from('b'),
      headers: { a: '1' },
    });
    expect(taker.values).toEqual(['a', 'b', 'c']);
    expect(taker).toMatchObject({ position: 10, given: 2, behind: 0 });
  });

  it('leaves a gap to the fetch, and says that there is one', () => {
    const { handOver, taker } = handedTo(6);
    handOver.appended(batchOf(['a']), 7, APPENDED_MS);
    expect(taker).toMatchObject({ values: [], position: 6, given: 0, behind: 1 });
  });

  it('gives nothing twice that a fetch has brought already', () => {
    const { handOver, taker } = handedTo(8);
    handOver.appended(batchOf(['a', 'b']), 7, APPENDED_MS);
    expect(taker).toMatchObject({ values: [], position: 8, given: 0, behind: 0 });
  });

  it('gives nothing to whoever is full, so that it fetches when it has room', () => {
    const { handOver, taker } = handedTo(7);
    taker.wantsMore = false;
    handOver.appended(batchOf(['a']), 7, APPENDED_MS);
    expect(taker).toMatchObject({ values: [], position: 7, given: 0 });
  });

  it('gives nothing without the time that the log took it, of another partition, or after the end', () => {
    const { handOver, taker, end } = handedTo(7);
    handOver.appended(batchOf(['a']), 7, -1);
    handOver.appended(batchOf(['a'], 1), 7, APPENDED_MS);
    end();
    handOver.appended(batchOf(['a']), 7, APPENDED_MS);
    expect(taker.values).toEqual([]);
  });
});
