import type { Batch } from '@switchhook/event-log';
import { observeHop, type Metrics } from '@switchhook/platform';
import type { Gather } from './gather.js';

/** Archives a batch as the log hands it on. Rejects when the database is away: the log hands it on again. */
export type ArchiveBatch = (batch: Batch) => Promise<void>;

export interface ArchiveBatchDeps {
  readonly archive: Gather;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export const archiveBatch =
  ({ archive, metrics, now }: ArchiveBatchDeps): ArchiveBatch =>
  async ({ records }) => {
    const archived = await archive(records);
    if (archived === 0) return;
    const nowMs = now();
    // What was there already is at the front of the batch.
    for (const { appendedAtMs } of records.slice(-archived)) observeHop(metrics, 'archive', appendedAtMs, nowMs);
  };
