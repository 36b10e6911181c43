import { channel } from 'node:diagnostics_channel';
import { DatabaseError } from 'pg';
import { backoffMs, pause } from '../backoff.js';
import type { Logger } from '../logger.js';
import type { Waiting } from './commit-queue.js';
import { hasTakenNames, isThere, planCommit, type Commit } from './commit.js';
import type { Along } from './handling-ahead.js';
import { readEnds } from './partitions.js';
import type { Move } from './progress.js';
import { LogTakenError, isAnswered, type Sessions } from './sessions.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_COMMIT = channel('switchhook.embedded.to-commit');
const COMMITTED = channel('switchhook.embedded.committed');

/** A commit under way. */
export interface UnderWay {
  readonly session: number;
  readonly parts: readonly Waiting[];
  readonly moves: readonly Move[];
  /** As it was planned. */
  readonly commit: Commit;
  /** In the commit beside `parts`, until it is known what became of them. */
  along: readonly Along[];
  sentAtMs: number;
}

export interface CommitSenderDeps {
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly now: () => number;
  /** Resolves when the database is there, and what it holds is known, with how often it was set back. */
  readonly isBack: () => Promise<number>;
  readonly rewinds: () => number;
}

/** What was handled before its records were appended is not to be: it will be handled as usual. */
export function dropAlong(underWay: UnderWay): void {
  for (const part of underWay.along) part.dropped();
  underWay.along = [];
}

/** Sends a commit until it is there for certain. */
export class CommitSender {
  constructor(private readonly deps: CommitSenderDeps) {}

  /** The commit as it is in the log; undefined when the log was set back and the commit is void. */
  async send(underWay: UnderWay): Promise<Commit | undefined> {
    const { sessions, logger, isBack } = this.deps;
    const rewinds = this.deps.rewinds();
    let { commit } = underWay;
    for (let failures = 0; ;) {
      if ((await isBack()) !== rewinds) return undefined;
      if (commit.records.length === 0 && commit.places.some((places) => places.length > 0)) return commit;
      try {
        underWay.sentAtMs = Date.now();
        TO_COMMIT.publish(undefined);
        await sessions.query(commit.query, underWay.session);
        COMMITTED.publish(undefined);
        return commit;
      } catch (error) {
        if (isUniqueViolation(error)) throw new LogTakenError(`Somebody else wrote to the event log: ${error}`);
        if (hasTakenNames(error, commit)) {
          commit = await this.#withoutTaken(underWay, commit);
        } else if (isAnswered(error)) {
          logger.error({ error: String(error) }, 'The database refused an append to the event log; trying again');
          commit = this.#withoutAlong(underWay, commit);
          await pause(backoffMs((failures += 1), 100, 2_000));
        } else {
          sessions.abandon();
          if ((await isBack()) === rewinds && isThere(commit, await readEnds(sessions))) return commit;
        }
      } finally {
        underWay.sentAtMs = Infinity;
      }
    }
  }

  /** The same commit without the records whose names somebody has; as it was while that cannot be looked up. */
  async #withoutTaken(underWay: UnderWay, commit: Commit): Promise<Commit> {
    try {
      const taken = await commit.names!.taken(commit.named.map(({ name }) => name));
      dropAlong(underWay);
      return planCommit(underWay.parts, underWay.moves, this.deps.now(), taken);
    } catch (error) {
      this.deps.logger.warn({ error: String(error) }, 'Names that are taken could not be looked up; trying again');
      await pause(backoffMs(1, 100, 2_000));
      return commit;
    }
  }

  /** Nobody's records may wait for what others made of them. */
  #withoutAlong(underWay: UnderWay, commit: Commit): Commit {
    if (underWay.along.length === 0) return commit;
    dropAlong(underWay);
    return planCommit(underWay.parts, underWay.moves, this.deps.now());
  }
}

const isUniqueViolation = (error: unknown): boolean => error instanceof DatabaseError && error.code === '23505';
