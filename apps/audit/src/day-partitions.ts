import type { Transactions } from '@switchhook/event-store';

const DAY_MS = 86_400_000;
const TABLES = ['records', 'payloads'] as const;
/** Key of the advisory lock under which partitions are made. */
const LOCK = 0x5717c8a0;

/** Sees to it that the partitions for these moments (epoch ms) are there. */
export type DayPartitions = (momentsMs: readonly number[]) => Promise<void>;

/**
 * Partitions of the archive by UTC day, each made a day ahead, so that midnight waits for nobody. Days that were seen cost
 * nothing again.
 */
export function createDayPartitions(database: Transactions): DayPartitions {
  const there = new Set<number>();
  return async (momentsMs) => {
    const days = new Set<number>();
    for (const moment of momentsMs) days.add(Math.floor(moment / DAY_MS));
    const missing = [...days].filter((day) => !there.has(day));
    if (missing.length === 0) return;
    await makePartitions(database, [...new Set(missing.flatMap((day) => [day, day + 1]))]);
    for (const day of missing) there.add(day);
  };
}

async function makePartitions(database: Transactions, days: readonly number[]): Promise<void> {
  await database.transaction(async (manager) => {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    for (const day of days) {
      for (const table of TABLES) {
        const name = `audit.${table}_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '_')}`;
        const [found] = await manager.query<{ there: boolean }[]>('SELECT to_regclass($1) IS NOT NULL AS there', [
          name,
        ]);
        if (found?.there) continue;
        // Made apart and attached: CREATE … PARTITION OF would lock out the writers of every other day.
        await manager.query(`CREATE TABLE ${name} (LIKE audit.${table} INCLUDING ALL)`);
        await manager.query(
          `ALTER TABLE audit.${table} ATTACH PARTITION ${name} FOR VALUES FROM (${day * DAY_MS}) TO (${(day + 1) * DAY_MS})`,
        );
      }
    }
  });
}
