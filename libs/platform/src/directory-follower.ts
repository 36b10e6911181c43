import type { EventLog, Follower, LogRecord } from '@switchhook/event-log';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Metrics } from './metrics.js';

export interface DirectoryDeps {
  readonly log: Pick<EventLog, 'follow'>;
  readonly metrics: Pick<Metrics, 'recordsUnreadable'>;
  readonly logger: Logger;
}

/** A topic that is followed from its beginning into memory. */
export interface DirectoryFollower {
  /** Resolves when the ends that the topic had at the start are reached. */
  readonly whenCaughtUp: Promise<void>;
  caughtUp(): boolean;
  reachEnd(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Follows `topic` and hands each record to `take`. A record that `take` throws on is counted, logged by its place (never
 * its content) and skipped: one unreadable record must not hide all that come after it.
 */
export async function followDirectory(
  { log, metrics, logger }: DirectoryDeps,
  topic: string,
  take: (record: LogRecord) => void,
): Promise<DirectoryFollower> {
  const follower: Follower = await log.follow(topic, (records) => {
    for (const record of records) {
      try {
        take(record);
      } catch (error) {
        metrics.recordsUnreadable.inc({ topic });
        const { partition, position } = record;
        logger.warn({ topic, partition, position, reason: reasonOf(error) }, 'record skipped: it cannot be read');
      }
    }
  });
  let caughtUp = false;
  const whenCaughtUp = follower.caughtUp.then(() => void (caughtUp = true));
  return {
    whenCaughtUp,
    caughtUp: () => caughtUp,
    reachEnd: () => follower.reachEnd(),
    close: () => follower.close(),
  };
}

/** What is wrong, without any of the content: messages of JSON.parse and others quote it. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return `wrong: ${error.issues.map(({ path }) => path.join('.')).join(', ')}`;
  return error instanceof SyntaxError ? 'not JSON' : error instanceof Error ? error.name : 'unknown';
}
