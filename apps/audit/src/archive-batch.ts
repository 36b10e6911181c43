import type { Batch } from '@switchhook/event-log';
import { observeHop, type Metrics } from '@switchhook/platform';
import type { ArchiveDeps } from './archive.js';
import { archiveRecords } from './archive.js';
import type { Turnstile } from './at-most.js';

/** Archives a batch as the log hands it on. Rejects when the database is away: the log hands it on again. */
export type ArchiveBatch = (batch: Batch) => Promise<void>;

export interface ArchiveBatchDeps extends ArchiveDeps {
  readonly turnstile: Turnstile;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export const archiveBatch =
  (deps: ArchiveBatchDeps): ArchiveBatch =>
  async ({ records }) => {
    const archived = await deps.turnstile(() => archiveRecords(deps, records));
    if (archived === 0) return;
    const now = deps.now();
    // What was there already is at the front of the batch.
    for (const { appendedAtMs } of records.slice(-archived)) observeHop(deps.metrics, 'archive', appendedAtMs, now);
  };
