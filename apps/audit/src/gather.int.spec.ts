import type { LogRecord } from '@switchhook/event-log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestLog, anEvent, openTestArchive, type TestArchive } from './archive.fixture.js';
import { archiveTogether } from './archive.js';
import { gatherer } from './gather.js';

let archive: TestArchive;
let log: TestLog;
beforeEach(async () => {
  archive = await openTestArchive();
  log = new TestLog();
});
afterEach(() => archive.close());

/** What waits is little up to five records, of which two are taken at a time. */
const SMALL = { gatherMs: 1, little: { recordsMax: 5, atOnce: 2, breathMs: 3 }, atOnce: 9 };

let pauses: number[];
beforeEach(() => void (pauses = []));
const pauseMs = async (ms: number): Promise<void> => void pauses.push(ms);

/** One event in each of `count` partitions. */
function oneInEach(count: number): LogRecord[][] {
  return Array.from({ length: count }, (_, partition) => {
    const { topic, key, value, headers } = new TestLog().event(anEvent({ id: `event-${partition}` }));
    return [log.append({ topic, key, value, headers }, partition)];
  });
}

describe('what waits for the archive', () => {
  test('of several partitions goes into one statement', async () => {
    await archive.take(oneInEach(5).flat()); // The day's tables are there.
    archive.statements.length = 0;
    const gather = gatherer(archive.deps);
    expect(await Promise.all(oneInEach(5).map(gather))).toEqual([1, 1, 1, 1, 1]);
    expect(archive.statements).toHaveLength(1);
    expect(await archive.count('audit.records')).toBe(10);
    expect(await archive.count('audit.events')).toBe(10);
  });

  test('is archived a little at a time, each after a breath, while that is enough', async () => {
    await archive.take(oneInEach(5).flat()); // The day's tables are there.
    archive.statements.length = 0;
    const gather = gatherer(archive.deps, SMALL, pauseMs);
    expect(await Promise.all(oneInEach(5).map(gather))).toEqual([1, 1, 1, 1, 1]);
    expect(archive.statements).toHaveLength(3);
    const { gatherMs, little } = SMALL;
    // The first of all waits for what comes with it, the last for what comes next.
    expect(pauses).toEqual([gatherMs, little.breathMs, gatherMs]);
  });

  test('in large number goes into few statements, each with half of it', async () => {
    await archive.take(oneInEach(20).flat()); // The day's tables are there.
    archive.statements.length = 0;
    const gather = gatherer(archive.deps, { ...SMALL, atOnce: 2 }, pauseMs);
    expect(await Promise.all(oneInEach(20).map(gather))).toEqual(Array.from({ length: 20 }, () => 1));
    // 10, 5, 2, 2, 1; two at a time it would be ten.
    expect(archive.statements).toHaveLength(5);
    expect(pauses).toHaveLength(4);
  });

  test('is archived once when a partition was handed on again while its records still waited', async () => {
    const gather = gatherer(archive.deps);
    const [first, second, third] = oneInEach(3);
    expect(await Promise.all([gather(first!), gather(second!), gather(second!), gather(third!)])).toEqual([1, 1, 0, 1]);
    expect(await archive.count('audit.records')).toBe(3);
    expect(await archive.count('audit.payloads')).toBe(3);
  });

  test('fails alone when it cannot be archived: the others are, and it is when it can be', async () => {
    await archive.database.query(`ALTER TABLE audit.events ADD CONSTRAINT no_place CHECK (id <> 'event-1')`);
    const gather = gatherer(archive.deps, SMALL);
    const parts = oneInEach(3);
    const ends = await Promise.allSettled(parts.map(gather));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await archive.count('audit.records')).toBe(2);
    await archive.database.query('ALTER TABLE audit.events DROP CONSTRAINT no_place');
    expect(await Promise.all(parts.map(gather))).toEqual([0, 1, 0]);
    expect(await archive.count('audit.records')).toBe(3);
  });
});

test('parts are archived once, however often and by however many at a time', async () => {
  const parts = oneInEach(4);
  const counts = await Promise.all([1, 2, 3].map(() => archiveTogether(archive.deps, parts)));
  expect(counts.flat().reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(await archive.count('audit.records')).toBe(4);
});

test('a part whose position another instance has moved takes the whole statement back', async () => {
  const parts = oneInEach(3);
  await archiveTogether(archive.deps, parts);
  const more = parts.map((_, partition) => {
    const { topic, key, value, headers } = new TestLog().event(anEvent({ id: `later-${partition}` }));
    return [log.append({ topic, key, value, headers }, partition)];
  });
  const results = await Promise.all([
    archiveTogether(archive.deps, more),
    archiveTogether(archive.anotherInstance(), more.slice(1)),
  ]);
  expect(results.flat().reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(await archive.count('audit.records')).toBe(6);
  expect(await archive.count('audit.events')).toBe(6);
});
