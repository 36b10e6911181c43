import { rejectedTopic } from '@switchhook/contracts';
import { eventually } from '@switchhook/testing';
import { expect, it } from 'vitest';
import type { LogRecord, OperableLog } from '../event-log.js';
import { LostPositionsError, lostPositions, storedByGroups } from '../lost-positions.js';
import { acceptGroupLoss, redriveRejected, rewindGroup } from '../operations.js';
import { toRejected } from '../rejected.js';
import { INPUT, OUTPUT, keyOf, numbered, sequenceOf, sequencesByKey, upTo } from '../testing/records.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const PATIENCE = { timeoutMs: 20_000 };
const KEYS = upTo(12).map((number) => `key-${number}`);
const GROUP = 'operated';

/** Consumes until `count` records came, and leaves; answers them. */
async function consumeSome(log: OperableLog, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const handle = async (batch: { records: readonly LogRecord[] }): Promise<void> => void records.push(...batch.records);
  const consumer = await log.consume({ group: GROUP, topics: [INPUT], handle });
  await eventually(() => expect(records.length).toBeGreaterThanOrEqual(count), PATIENCE);
  await consumer.close();
  return records;
}

async function rewinds(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  for (const round of upTo(4)) await log.publish(KEYS.map((key) => numbered(INPUT, key, round)));
  const first = await consumeSome(log, KEYS.length * 4);
  const ends = await log.ends(INPUT);
  expect((await log.groupPositions()).filter(({ group }) => group === GROUP)).toEqual(
    expect.arrayContaining(
      [...ends.entries()]
        .filter(([, end]) => end > 0)
        .map(([partition, position]) => ({
          ...{ group: GROUP, topic: INPUT },
          ...{ partition, position },
        })),
    ),
  );

  await rewindGroup(log, GROUP, INPUT, { position: 0 });
  const again = await consumeSome(log, KEYS.length * 4);
  expect(sequencesByKey(again)).toEqual(new Map(KEYS.map((key) => [key, upTo(4)])));

  const [{ partition, position, appendedAtMs }] = first.filter((record) => sequenceOf(record) === 2) as [LogRecord];
  const positions = await rewindGroup(log, GROUP, INPUT, { timeMs: appendedAtMs });
  expect(positions[partition]).toBeLessThanOrEqual(position);
  const since = first.filter((record) => record.appendedAtMs >= appendedAtMs);
  const third = await consumeSome(log, since.length);
  expect(sequencesByKey(third)).toEqual(sequencesByKey(since));
  await log.close();
  await remembersTheRewind(engine);
}

/** Where a rewind begins is stored, not only known to whoever asked for it. */
async function remembersTheRewind(engine: EngineUnderTest): Promise<void> {
  const before = await engine.open();
  await rewindGroup(before, GROUP, INPUT, { position: 0 });
  await before.close();
  expect(await consumeSome(await engine.open(), KEYS.length * 4)).toHaveLength(KEYS.length * 4);
}

async function refusesWhileConsumed(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const consumer = await log.consume({ group: GROUP, topics: [INPUT], handle: async () => undefined });
  await expect(rewindGroup(log, GROUP, INPUT, { position: 0 })).rejects.toThrow(/operated has members/);
  await consumer.close();
  await rewindGroup(log, GROUP, INPUT, { position: 0 });
}

async function knowsWhatIsLost(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const [place] = await log.publish([numbered(INPUT, 'one key', 0)]);
  const { partition, position } = place!;
  await consumeSome(log, 1);
  expect(await lostPositions(log, await storedByGroups(log))).toEqual([]);
  // What a topic that was replaced by an empty one looks like to its groups.
  await log.setGroupPositions(GROUP, INPUT, new Map([[partition, 4_711]]));
  await log.close();

  const again = await engine.open();
  const lost = await lostPositions(again, await storedByGroups(again));
  const end = position + 1;
  expect(lost).toEqual([{ owner: `group ${GROUP}`, topic: INPUT, partition, position: 4_711, end }]);
  expect(new LostPositionsError(lost).message).toMatch(
    new RegExp(
      `${INPUT} partition ${partition} ends at ${end}, but group ${GROUP} has come to 4711.*accept-loss ${INPUT}$`,
    ),
  );
  expect(await acceptGroupLoss(again, OUTPUT)).toBe(0);
  expect(await acceptGroupLoss(again, INPUT)).toBe(1);
  expect(await lostPositions(again, await storedByGroups(again))).toEqual([]);
  await again.publish([numbered(INPUT, 'one key', 1)]);
  expect((await consumeSome(again, 1)).map(sequenceOf)).toEqual([1]);
}

async function redrives(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const raw = Buffer.from([0xff, 0x00, 0xc3]);
  const before = { topic: INPUT, key: raw, value: raw, headers: { ce_id: 'bad', raw, twice: ['one', 'two'] } };
  const [place] = await log.publish([before]);
  const [original] = await consumeSome(log, 1);
  await log.publish([toRejected(original!, 'unreadable', 'not for us')]);

  expect(await redriveRejected(log, INPUT)).toBe(1);
  const [back] = (await consumeSome(log, 1)) as [LogRecord];
  expect(back).toEqual({ ...original!, position: place!.position + 1, appendedAtMs: back.appendedAtMs });
  expect(keyOf(back)).toBe(raw.toString());
  expect(await redriveRejected(log, INPUT), 'put back already').toBe(0);
  await log.publish([toRejected(back, 'unreadable', 'still not')]);
  expect(await redriveRejected(log, INPUT)).toBe(1);
  expect((await log.ends(rejectedTopic(INPUT))).reduce((sum, end) => sum + end, 0)).toBe(2);
}

export function operationCases(makeEngine: MakeEngine): void {
  it('rewinds a group to the beginning or to a time, and remembers it', withEngine(makeEngine, rewinds), 60_000);
  it('does not rewind a group that has members', withEngine(makeEngine, refusesWhileConsumed));
  it(
    'names what a group has finished beyond the end of a topic, and goes on once that loss is accepted',
    withEngine(makeEngine, knowsWhatIsLost),
  );
  it('puts rejected records back as they were, each once', withEngine(makeEngine, redrives));
}
