import { TOPICS } from '@switchhook/contracts';
import type { EventLog } from '@switchhook/event-log';

/** The groups whose records become, in the end, records of `signed`. Of `events` any partition leads to any of ours. */
const INGESTION = { group: 'ingestion', topic: TOPICS.events.name };
const SIGNING = [
  { group: 'signing', topic: TOPICS.requested.name },
  { group: 'signing-bulk', topic: TOPICS.requestedBulk.name },
];

/** Partitions are taken over several at a time, and each asks: what was asked a moment ago can only be too early. */
const FRESH_MS = 1_000;

/**
 * Since when the log has records that the hops before us may hand on once more: after a crash they read again what they had not
 * stored as finished. What they make of a record is never older than the record itself.
 */
export class HopsBefore {
  private asked: { readonly atMs: number; readonly sinceMs: Promise<readonly number[]> } | undefined;

  constructor(
    private readonly log: Pick<EventLog, 'unfinishedSince'>,
    private readonly now: () => number,
  ) {}

  /** Epoch ms; Infinity where nothing can come again. */
  async since(partition: number): Promise<number> {
    const sinceMs = await this.byPartition();
    return sinceMs[partition] ?? Infinity;
  }

  private byPartition(): Promise<readonly number[]> {
    const atMs = this.now();
    if (this.asked === undefined || atMs - this.asked.atMs >= FRESH_MS) {
      const asked = { atMs, sinceMs: this.ask() };
      this.asked = asked;
      // A failure is told to those who wait for it, and to nobody else.
      asked.sinceMs.catch(() => {
        if (this.asked === asked) this.asked = undefined;
      });
    }
    return this.asked.sinceMs;
  }

  private async ask(): Promise<readonly number[]> {
    const [events, ...requested] = await Promise.all(
      [INGESTION, ...SIGNING].map(({ group, topic }) => this.log.unfinishedSince(group, topic)),
    );
    const anywhere = Math.min(...(events ?? []).map((sinceMs) => sinceMs ?? Infinity));
    const partitions = Math.max(...requested.map(({ length }) => length));
    return Array.from({ length: partitions }, (_, partition) =>
      Math.min(anywhere, ...requested.map((sinceMs) => sinceMs[partition] ?? Infinity)),
    );
  }
}
