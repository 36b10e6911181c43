import { expect, it } from 'vitest';
import { RecordTooLargeError } from '../errors.js';
import type { LogRecord, OutgoingRecord } from '../event-log.js';
import { INPUT, keyOf, numbered, sequencesByKey, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const filler = (bytes: number): Buffer => Buffer.alloc(bytes, 'x');
const large = (key: string, bytes: number): OutgoingRecord => ({
  topic: INPUT,
  key,
  value: filler(bytes),
  headers: {},
});

async function refusesTheLargeOneAlone(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const records: LogRecord[] = [];
  await log.consume({ group: 'sizes', topics: [INPUT], handle: async (batch) => void records.push(...batch.records) });

  const [before, refused, between, nearly] = await Promise.allSettled([
    log.publish([numbered(INPUT, 'small', 0)]),
    log.publish([numbered(INPUT, 'never', 0), large('never', 5 * 1024 * 1024), numbered(INPUT, 'never', 1)]),
    log.publish([numbered(INPUT, 'small', 1)]),
    log.publish([large('nearly', 900 * 1024), numbered(INPUT, 'small', 2)]),
  ]);
  expect([before.status, between.status, nearly.status]).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(refused.status === 'rejected' ? refused.reason : undefined).toBeInstanceOf(RecordTooLargeError);
  await log.publish([numbered(INPUT, 'small', 3)]);
  await waitUntil(
    () => records.length >= 5,
    () => `${records.length} records`,
  );
  expect(records.find((record) => keyOf(record) === 'nearly')?.value?.equals(filler(900 * 1024))).toBe(true);
  expect(sequencesByKey(records).get('small')).toEqual([0, 1, 2, 3]);
  expect(records.some((record) => keyOf(record) === 'never')).toBe(false);
}

const BURST_KEYS = upTo(500).map((number) => `key-${number}`);
const BURST_ROUNDS = upTo(100);

async function takesABurst(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  await Promise.all(BURST_ROUNDS.map((round) => log.publish(BURST_KEYS.map((key) => numbered(INPUT, key, round)))));
  const records: LogRecord[] = [];
  await log.consume({ group: 'burst', topics: [INPUT], handle: async (batch) => void records.push(...batch.records) });
  const wanted = BURST_KEYS.length * BURST_ROUNDS.length;
  await waitUntil(
    () => records.length >= wanted,
    () => `${records.length} of ${wanted} records`,
    50_000,
  );
  const byKey = sequencesByKey(records);
  expect(byKey.size).toBe(BURST_KEYS.length);
  expect([...byKey.values()].every((numbers) => numbers.join() === BURST_ROUNDS.join())).toBe(true);
}

export function sizeCases(makeEngine: MakeEngine): void {
  it(
    'carries a record of 900 KB, and refuses one of 5 MB together with its call and nobody else',
    withEngine(makeEngine, refusesTheLargeOneAlone),
  );
  it('takes a burst of 50,000 records and hands on each, in order', withEngine(makeEngine, takesABurst), 90_000);
}
