import { expect, it } from 'vitest';
import type { Ahead, AheadBatch, Batch, LogRecord, OutgoingRecord } from '../event-log.js';
import { INPUT, OUTPUT, keyOf, numbered, sequenceOf, sequencesByKey, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const KEYS = upTo(20).map((number) => `key-${number}`);
const ROUNDS = upTo(60);

const answerTo = (record: LogRecord): OutgoingRecord => numbered(OUTPUT, keyOf(record), sequenceOf(record));

/** Some can be done at once, some cannot, and with some it ends badly: each must be done all the same. */
async function handlesEachOnce(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const seen: LogRecord[] = [];
  const appendedAhead: LogRecord[] = [];
  let asked = 0;
  const ahead = ({ records }: AheadBatch): Ahead | undefined => {
    asked += 1;
    if (asked % 3 === 0) return undefined;
    if (asked % 7 === 0) throw new Error('not at once');
    return { outputs: records.map(answerTo), appended: () => void appendedAhead.push(...records) };
  };
  const handle = async ({ records }: Batch): Promise<OutgoingRecord[]> => {
    seen.push(...records);
    return records.map(answerTo);
  };
  const consumer = await log.consume({ group: 'ahead', topics: [INPUT], handle, ahead });
  const outputs: LogRecord[] = [];
  const follower = await log.follow(OUTPUT, (records) => void outputs.push(...records));

  const count = KEYS.length * ROUNDS.length;
  const publish = async (key: string): Promise<void> => {
    for (const round of ROUNDS) await log.publish([numbered(INPUT, key, round)]);
  };
  await Promise.all(KEYS.map(publish));
  await waitUntil(
    () => outputs.length >= count && seen.length + appendedAhead.length >= count,
    () => `${outputs.length} of ${count} outputs`,
  );
  await consumer.close();
  await follower.close();

  expect(sequencesByKey(outputs)).toEqual(new Map([...sequencesByKey(outputs).keys()].map((key) => [key, ROUNDS])));
  expect(sequencesByKey(outputs).size).toBe(KEYS.length);
  const places = [...seen, ...appendedAhead].map(({ partition, position }) => `${partition}:${position}`);
  expect(new Set(places).size, 'each record is handled one way or the other').toBe(count);
  expect(places).toHaveLength(count);
  // Where it is asked for, it happens; an engine may never ask.
  expect(appendedAhead.length > 0).toBe(asked > 0);
}

export function aheadCases(makeEngine: MakeEngine): void {
  it(
    'handles each record once and in order where a group does at once what it can, be it before or after the append',
    withEngine(makeEngine, handlesEachOnce),
  );
}
