import { setTimeout as sleep } from 'node:timers/promises';
import { TOPICS } from '@switchhook/contracts';
import { expect, it } from 'vitest';
import type { EventLog, LogRecord, Place, ReadFrom } from '../event-log.js';
import { numbered, sequenceOf, sequencesByKey, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const TOPIC = TOPICS.webhooks.name;
const KEYS = upTo(25).map((number) => `key-${number}`);
const ROUNDS = 20;

async function fill(log: EventLog, rounds: readonly number[]): Promise<Place[]> {
  const places: Place[] = [];
  for (const round of rounds) places.push(...(await log.publish(KEYS.map((key) => numbered(TOPIC, key, round)))));
  return places;
}

async function followsFromTheBeginning(engine: EngineUnderTest): Promise<void> {
  const before = await engine.open();
  await fill(before, upTo(ROUNDS));
  await before.close();

  const log = await engine.open();
  const records: LogRecord[] = [];
  let refusals = 2;
  const follower = await log.follow(TOPIC, async (batch) => {
    if (refusals-- > 0) throw new Error('not now');
    records.push(...batch);
  });
  await follower.caughtUp;
  expect(records).toHaveLength(KEYS.length * ROUNDS);

  await fill(log, upTo(ROUNDS * 2).slice(ROUNDS));
  await follower.reachEnd();
  expect(records).toHaveLength(KEYS.length * ROUNDS * 2);
  for (const [key, numbers] of sequencesByKey(records)) expect(numbers, key).toEqual(upTo(ROUNDS * 2));

  await follower.close();
  await fill(log, [ROUNDS * 2]);
  expect(records).toHaveLength(KEYS.length * ROUNDS * 2);
}

async function readAll(log: EventLog, partition: number, from: ReadFrom, to: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of log.read(TOPIC, partition, from, to)) records.push(...batch);
  return records;
}

async function readsAPart(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const publish = (number: number): Promise<Place[]> => log.publish([numbered(TOPIC, 'one key', number)]);
  const places: Place[] = [];
  for (const number of upTo(6)) {
    places.push(...(await publish(number)));
    // Append times have milliseconds only; these must differ.
    await sleep(3);
  }
  const { partition } = places[0]!;
  const end = (await log.ends(TOPIC))[partition]!;
  expect(end).toBe(places[5]!.position + 1);
  expect((await log.ends(TOPIC)).filter((position) => position > 0)).toHaveLength(1);

  const all = await readAll(log, partition, { position: 0 }, end);
  expect(all.map(sequenceOf)).toEqual(upTo(6));
  const part = await readAll(log, partition, { position: places[2]!.position }, places[4]!.position);
  expect(part.map(sequenceOf)).toEqual([2, 3]);
  expect((await readAll(log, partition, { timeMs: all[3]!.appendedAtMs }, end)).map(sequenceOf)).toEqual([3, 4, 5]);
  expect(await readAll(log, partition, { timeMs: Date.now() + 60_000 }, end)).toEqual([]);
  expect(await readAll(log, partition, { position: end }, end)).toEqual([]);
}

async function remembersItself(engine: EngineUnderTest): Promise<void> {
  const first = await engine.open();
  const { identity } = first;
  expect(identity).toMatch(/^(kafka|embedded):.+/);
  expect(first.health()).toEqual({ ok: true });
  await first.close();
  const second = await engine.open();
  expect(second.identity).toBe(identity);
  await waitUntil(
    () => second.health().ok,
    () => 'healthy again',
  );
}

export function readerCases(makeEngine: MakeEngine): void {
  it(
    'follows a topic from its beginning, retries a reader that throws, and knows the end',
    withEngine(makeEngine, followsFromTheBeginning),
  );
  it(
    'reads a part of a partition by position or by time and ends at the position that was asked',
    withEngine(makeEngine, readsAPart),
  );
  it('keeps its identity', withEngine(makeEngine, remembersItself));
}
