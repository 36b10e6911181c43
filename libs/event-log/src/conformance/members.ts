import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Consumer, EventLog, LogRecord } from '../event-log.js';
import { INPUT, OUTPUT, numbered, sequencesByKey, upTo, withoutRepeats } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineTraits, EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const KEYS = upTo(40).map((number) => `key-${number}`);
const REVOKING_MS = 150;

/** What happened to partitions and records, in the order in which it happened, whoever the member was. */
interface Story {
  readonly lines: { member: string; partition: number; what: 'assigned' | 'handled' | 'revoking' | 'revoked' }[];
  readonly records: LogRecord[];
}

const join = (log: EventLog, member: string, story: Story): Promise<Consumer> =>
  log.consume({
    group: 'members',
    topics: [INPUT, OUTPUT],
    batchRecords: 10,
    onAssigned: async ({ partition }) => void story.lines.push({ member, partition, what: 'assigned' }),
    onRevoked: async (partition) => {
      story.lines.push({ member, partition, what: 'revoking' });
      await sleep(REVOKING_MS);
      story.lines.push({ member, partition, what: 'revoked' });
    },
    handle: async ({ partition, records }) => {
      story.lines.push({ member, partition, what: 'handled' });
      story.records.push(...records);
    },
  });

/** A partition is handled by its owner only, and given to the next one only when the one before has let go. */
function expectOneOwnerAtATime({ lines }: Story): void {
  const owners = new Map<number, string>();
  for (const { member, partition, what } of lines) {
    const owner = owners.get(partition);
    if (what === 'assigned') {
      expect(owner, `partition ${partition} is free when ${member} gets it`).toBeUndefined();
      owners.set(partition, member);
    } else {
      expect(owner, `partition ${partition}, ${what} by ${member}`).toBe(member);
      if (what === 'revoked') owners.delete(partition);
    }
  }
}

/** Publishes rounds of all keys until stopped; answers how many rounds there were. */
function publishSteadily(log: EventLog): { stop(): Promise<number> } {
  let stopped = false;
  let rounds = 0;
  const work = (async () => {
    for (; !stopped; rounds += 1) {
      await log.publish(KEYS.map((key) => numbered(rounds % 2 ? INPUT : OUTPUT, key, Math.floor(rounds / 2))));
      await sleep(5);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await work;
      return rounds;
    },
  };
}

const both = (one: Consumer, other: Consumer): number[] =>
  [...one.assigned(), ...other.assigned()].sort((a, b) => a - b);

async function sharesAndTakesOver(engine: EngineUnderTest, traits: EngineTraits): Promise<void> {
  const log = await engine.open();
  const beside = await engine.openBeside(log);
  const partitions = upTo((await log.ends(INPUT)).length);
  const story: Story = { lines: [], records: [] };
  const publishing = publishSteadily(log);

  const first = await join(log, 'first', story);
  expect([...first.assigned()].sort((a, b) => a - b)).toEqual(partitions);
  await waitUntil(
    () => story.records.length > 0,
    () => 'the first member has records',
  );
  const second = await join(beside, 'second', story);
  await waitUntil(
    () =>
      first.assigned().length > 0 && second.assigned().length > 0 && both(first, second).length === partitions.length,
    () => `shared: ${first.assigned()} and ${second.assigned()}`,
    traits.takeoverMs + 10_000,
  );
  expect(both(first, second)).toEqual(partitions);

  await first.close();
  await waitUntil(
    () => second.assigned().length === partitions.length,
    () => `taken over: ${second.assigned()}`,
    traits.takeoverMs + 10_000,
  );
  const rounds = await publishing.stop();
  const complete = (topic: string, count: number): boolean => {
    const byKey = withoutRepeats(sequencesByKey(story.records.filter((record) => record.topic === topic)));
    return KEYS.every((key) => byKey.get(key)?.length === count);
  };
  await waitUntil(
    () => complete(OUTPUT, Math.ceil(rounds / 2)) && complete(INPUT, Math.floor(rounds / 2)),
    () => 'every record was handled by a member',
  );
  await second.close();

  for (const topic of [INPUT, OUTPUT]) {
    const records = story.records.filter((record) => record.topic === topic);
    for (const [key, numbers] of withoutRepeats(sequencesByKey(records))) {
      expect(numbers, `order of ${key} on ${topic}`).toEqual(upTo(numbers.length));
    }
  }
  expectOneOwnerAtATime(story);
}

/** What a takeover has to load must not add up. */
async function assignsSideBySide(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const partitions = (await log.ends(INPUT)).length;
  const begun = new Set<number>();
  const all = Promise.withResolvers<void>();
  const consumer = await log.consume({
    group: 'side-by-side',
    topics: [INPUT],
    onAssigned: ({ partition }) => {
      begun.add(partition);
      if (begun.size === partitions) all.resolve();
      return all.promise;
    },
    handle: async () => undefined,
  });
  await all.promise;
  await consumer.close();
}

export function memberCases(makeEngine: MakeEngine, traits: EngineTraits): void {
  it(
    'shares partitions between members and hands them on when one leaves, to one owner at a time',
    withEngine(makeEngine, (engine) => sharesAndTakesOver(engine, traits)),
    60_000 + traits.takeoverMs,
  );
  it('assigns all partitions of a member side by side', withEngine(makeEngine, assignsSideBySide), 20_000);
}
