import { fileURLToPath } from 'node:url';
import { createDatabase } from '@switchhook/testing';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { pause } from '../backoff.js';
import type { EngineUnderTest } from '../conformance/engine-under-test.js';
import { eventLogConformance } from '../event-log.conformance.js';
import type { Batch, EventLog } from '../event-log.js';
import { upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { compact } from './compact.js';
import { openEmbeddedLog } from './embedded-log.js';
import { Partition } from './partition.js';

const OPENER = fileURLToPath(new URL('../../dist/testing/open-embedded.js', import.meta.url));

async function makeEngine(): Promise<EngineUnderTest> {
  const database = await createDatabase();
  const opened: EventLog[] = [];
  const compacting: (() => Promise<void>)[] = [];
  return {
    async open() {
      const log = openEmbeddedLog({ databaseUrl: database.url, logger: silentLogger });
      opened.push(log);
      await log.start();
      return log;
    },
    // One process only: members share the process.
    openBeside: async (log) => log,
    childEnv: () => ({ EVENT_LOG_OPENER: OPENER, EVENT_LOG_DATABASE_URL: database.url }),
    compact: async (topic) => void compacting.push(await compactSoon(database.url, topic)),
    async dispose() {
      await Promise.all(compacting.map((stop) => stop()));
      await Promise.all(opened.map((log) => log.close()));
      await database.drop();
    },
  };
}

/** Compacts again and again, without a lag; answers what ends it. */
async function compactSoon(databaseUrl: string, topic: string): Promise<() => Promise<void>> {
  const pool = new Pool({ connectionString: databaseUrl, max: 1 });
  const { rows } = await pool.query<{ id: number; partitions: number }>(
    'SELECT id, partitions FROM log.topics WHERE name = $1',
    [topic],
  );
  const { id, partitions } = rows[0]!;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      for (const number of upTo(partitions)) {
        await compact(pool, new Partition(topic, id, number), Date.now() + 1, () => stopping.signal.aborted);
      }
      await pause(50, stopping.signal);
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
    await pool.end();
  };
}

eventLogConformance('embedded', makeEngine, { exactlyOnceOutputs: true, takeoverMs: 0 });

it('a lazy group that is to linger has what has come when that time is over, and in one batch', async () => {
  const database = await createDatabase();
  const log = openEmbeddedLog({ databaseUrl: database.url, logger: silentLogger });
  try {
    await log.start();
    const { promise: handed, resolve } = Promise.withResolvers<{ count: number; at: number }>();
    const handle = async ({ records }: Batch): Promise<void> =>
      resolve({ count: records.length, at: performance.now() });
    await log.consume({ group: 'lingering', topics: ['deliveries.outcomes.v1'], handle, lazy: true, lingerMs: 400 });
    const publishedAt = performance.now();
    for (const value of ['1', '2'])
      await log.publish([{ topic: 'deliveries.outcomes.v1', key: 'k', value: Buffer.from(value), headers: {} }]);
    const { count, at } = await handed;
    expect(count).toBe(2);
    expect(at - publishedAt).toBeGreaterThanOrEqual(390);
  } finally {
    await log.close();
    await database.drop();
  }
});
