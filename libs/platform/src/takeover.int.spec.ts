import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createDatabase, kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const MEMBER = fileURLToPath(new URL('../dist/testing/killed-member.js', import.meta.url));
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const TSC = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));
const KILLS = 2;
/** A dead member's session lasts 6,000 ms: the least that brokers allow. */
const WELL_BELOW_A_SESSION_MS = 2_500;

/** Starts the member; answers how many ms passed between its wish to join and its partitions. */
async function join(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; joinedMs: number }> {
  const child = spawn(process.execPath, [MEMBER], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('joined ')) return { child, joinedMs: Number(line.split(' ')[1]) };
  }
  throw new Error('The member ended before it had joined');
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe.skipIf(!(await kafkaPossible()))('a member that is killed', () => {
  // The child runs as plain JavaScript.
  beforeAll(() => promisify(execFile)(TSC, ['-b', PROJECT]), 120_000);

  it('gives way to its successor at once, again and again, instead of keeping its partitions for a session', async () => {
    const database = await createDatabase();
    const env = {
      DATABASE_URL: database.url,
      KAFKA_BROKERS: await kafkaBrokers(),
      TOPIC_PREFIX: uniqueTopicPrefix(),
    };
    let { child } = await join(env);
    for (let kills = 0; kills < KILLS; kills += 1) {
      await kill(child);
      const successor = await join(env);
      ({ child } = successor);
      expect(successor.joinedMs).toBeLessThan(WELL_BELOW_A_SESSION_MS);
    }
    await kill(child);
    await database.drop();
  }, 90_000);
});
