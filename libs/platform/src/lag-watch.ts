import { ALL_TOPICS } from '@switchhook/contracts';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.js';

/** How far a group of this process is behind in one topic. */
export interface GroupLag {
  readonly group: string;
  readonly topic: string;
  /** Epoch ms at which the log took the oldest record that the group has not finished; undefined when it has finished all. */
  readonly oldestMs: number | undefined;
}

export interface LagWatchDeps {
  readonly lags: () => readonly GroupLag[];
  readonly now: () => number;
  readonly metrics: Pick<Metrics, 'consumerLagSeconds' | 'consumerLate'>;
  readonly logger: Logger;
}

const LOOK_EVERY_MS = 10_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** By topic, half of the time for which its records can be read; none for a topic that is never cleaned by time. */
const LIMITS_MS: ReadonlyMap<string, number> = new Map(
  ALL_TOPICS.flatMap(({ name, retentionDays, compactionLagDays }) => {
    const days = retentionDays ?? compactionLagDays;
    return days === undefined ? [] : [[name, (days * DAY_MS) / 2]];
  }),
);

/**
 * Finds consumer groups whose lag is older than half of their topic's retention: records may be deleted before they are
 * read (correctness.md §5). Such a group is logged and counted once, and keeps the process from being ready.
 */
export class LagWatch {
  private readonly late = new Set<string>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly deps: LagWatchDeps) {
    this.timer = setInterval(() => this.check(), LOOK_EVERY_MS).unref();
  }

  /** For `/health/ready`: which group is too late, in words; undefined when none is. */
  check(): string | undefined {
    let reason: string | undefined;
    for (const lag of this.deps.lags()) {
      const ageMs = this.ageMs(lag);
      const limitMs = LIMITS_MS.get(lag.topic) ?? Infinity;
      this.tell(lag, ageMs, limitMs);
      if (ageMs > limitMs) reason ??= wordsOf(lag, ageMs);
    }
    return reason;
  }

  /** Sets the gauge of every group and topic, before a scrape. */
  measure(): void {
    for (const lag of this.deps.lags()) {
      const { group, topic } = lag;
      this.deps.metrics.consumerLagSeconds.set({ group, topic }, this.ageMs(lag) / 1_000);
    }
  }

  close(): void {
    clearInterval(this.timer);
  }

  private ageMs({ oldestMs }: GroupLag): number {
    return oldestMs === undefined ? 0 : Math.max(0, this.deps.now() - oldestMs);
  }

  private tell({ group, topic }: GroupLag, ageMs: number, limitMs: number): void {
    const { logger, metrics } = this.deps;
    const name = `${group} ${topic}`;
    if (ageMs <= limitMs) {
      if (this.late.delete(name)) logger.info({ group, topic }, 'the group has caught up');
      return;
    }
    if (this.late.has(name)) return;
    this.late.add(name);
    metrics.consumerLate.inc({ group, topic });
    logger.error({ group, topic, ageMs, limitMs }, 'the group is so late that its records may be deleted unread');
  }
}

const wordsOf = ({ group, topic }: GroupLag, ageMs: number): string =>
  `group ${group} has not finished a record of ${topic} that is ${Math.floor(ageMs / 3_600_000)} hours old`;
