import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { LogRecord } from '../event-log.js';
import { INPUT, OUTPUT, numbered, sequencesByKey, upTo, withoutRepeats } from '../testing/records.js';
import type { EngineTraits, EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const DERIVER = fileURLToPath(new URL('../../dist/testing/deriver.js', import.meta.url));
const KEYS = upTo(60).map((number) => `key-${number}`);
const PER_KEY = upTo(25);
const KILLS = 4;
const BATCHES_BEFORE_KILL = 8;
/** Most that one run of the program may take, without the wait for its predecessor's partitions. */
const RUN_MS = 30_000;

function startDeriver(engine: EngineUnderTest): ChildProcess {
  const env = { ...process.env, ...engine.childEnv(), EXPECTED: String(KEYS.length * PER_KEY.length) };
  return spawn(process.execPath, [DERIVER], { env, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Reads the child's lines until `isEnough`; throws when the child ends before that. */
async function readLines(child: ChildProcess, isEnough: (line: string, count: number) => boolean): Promise<void> {
  let count = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    count += 1;
    if (isEnough(line, count)) return;
  }
  throw new Error(`The deriver ended, or was too slow, after ${count} lines`);
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Runs the program until a line is enough, at most `limitMs`, and kills it. */
async function runUntil(
  engine: EngineUnderTest,
  limitMs: number,
  isEnough: (line: string, count: number) => boolean,
): Promise<void> {
  const child = startDeriver(engine);
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    await readLines(child, isEnough);
  } finally {
    clearTimeout(limit);
    await kill(child);
  }
}

async function survivesKills(engine: EngineUnderTest, traits: EngineTraits): Promise<void> {
  const limitMs = RUN_MS + traits.takeoverMs;
  const before = await engine.open();
  for (const number of PER_KEY) await before.publish(KEYS.map((key) => numbered(INPUT, key, number)));
  await before.close();

  for (let kills = 0; kills < KILLS; kills += 1) {
    await runUntil(engine, limitMs, (line, count) => {
      if (line === 'complete') throw new Error('Everything was derived before the last kill');
      return count >= BATCHES_BEFORE_KILL;
    });
  }
  await runUntil(engine, limitMs, (line) => line === 'complete');

  const after = await engine.open();
  const outputs: LogRecord[] = [];
  const follower = await after.follow(OUTPUT, (records) => void outputs.push(...records));
  await follower.caughtUp;
  const derived = sequencesByKey(outputs);
  const wanted = new Map(KEYS.map((key) => [key, [...PER_KEY]]));
  expect(sorted(withoutRepeats(derived))).toEqual(sorted(wanted));
  if (traits.exactlyOnceOutputs) expect(outputs).toHaveLength(KEYS.length * PER_KEY.length);
  await follower.close();
}

const sorted = (byKey: Map<string, number[]>): [string, number[]][] =>
  [...byKey].sort(([one], [other]) => (one < other ? -1 : 1));

export function crashCases(makeEngine: MakeEngine, traits: EngineTraits): void {
  it(
    'handles every record at least once when the process is killed again and again',
    withEngine(makeEngine, (engine) => survivesKills(engine, traits)),
    (KILLS + 2) * (RUN_MS + traits.takeoverMs),
  );
}
