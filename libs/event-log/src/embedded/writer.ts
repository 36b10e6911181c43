import { channel } from 'node:diagnostics_channel';
import { DatabaseError } from 'pg';
import { LogUnavailableError } from '../errors.js';
import type { Place } from '../event-log.js';
import type { Logger } from '../logger.js';
import { backoffMs, pause } from '../backoff.js';
import { CommitQueue, Touched, type Waiting } from './commit-queue.js';
import { hasTakenNames, isThere, planCommit, type Commit, type Part } from './commit.js';
import type { Partition } from './partition.js';
import { readEnds, type End, type Partitions } from './partitions.js';
import type { Move, Progress } from './progress.js';
import { LogTakenError, isAnswered, type Sessions } from './sessions.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_COMMIT = channel('switchhook.embedded.to-commit');
const COMMITTED = channel('switchhook.embedded.committed');

/** Progress without records of its own waits this long for a commit to go with. */
const MOVE_AFTER_MS = 200;
/** A statement without an answer for so long: the connections are given up, and it is looked up what became of it. */
const HANGS_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 250;

/** A commit under way. */
interface UnderWay {
  readonly session: number;
  readonly parts: readonly Waiting[];
  readonly moves: readonly Move[];
  sentAtMs: number;
}

export interface WriterDeps {
  readonly sessions: Sessions;
  readonly partitions: Partitions;
  readonly progress: Progress;
  readonly logger: Logger;
  readonly now: () => number;
  /** The database was set back (a crash before its flush): nothing that is under way may move progress any more. */
  readonly onSetBack: () => void;
  /** The log is as the database has it: what was handed on beyond that never was. */
  readonly onRewound: () => void;
}

/**
 * Appends for everybody: what arrives while its topic is being written goes into the next commit, and commits of different
 * topics are under way side by side, one per session. It owns the positions, so the order of a topic's commits is the order
 * of positions, and it can tell after a lost connection whether a commit is there.
 */
export class GroupCommitWriter {
  readonly #queue = new CommitQueue();
  /** By session. */
  readonly #underWay = new Map<number, UnderWay>();
  #turnIsOver: Promise<void> | undefined;
  #movesAreDue = false;
  #closing = false;
  #moveTimer: NodeJS.Timeout | undefined;
  readonly #lookTimer: NodeJS.Timeout;
  #recovering: Promise<void> | undefined;
  #rewinds = 0;
  #idle: (() => void)[] = [];
  /** Set when the log can never be written again by this process. */
  failure: Error | undefined;

  constructor(private readonly deps: WriterDeps) {
    this.#lookTimer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#lookTimer.unref();
  }

  /**
   * Appends `part`, whole but for records whose names are taken, whose places are undefined. With `patienceMs` it rejects
   * with `LogUnavailableError` after that time, its fate unknown; without, it waits until it is known.
   */
  append(part: Part, patienceMs = Infinity): Promise<readonly (Place | undefined)[]> {
    if (this.failure) return Promise.reject(this.failure);
    if (this.#closing) return Promise.reject(new LogUnavailableError('The event log is closing'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...part, giveUpAtMs: Date.now() + patienceMs, resolve, reject });
      this.#runSoon();
    });
  }

  /** Saves `move` with the next commit, at most 200 ms later. */
  moveSoon(move: Move): void {
    this.deps.progress.note(move);
    this.#moveTimer ??= setTimeout(() => {
      this.#moveTimer = undefined;
      this.#movesAreDue = true;
      this.#run();
    }, MOVE_AFTER_MS);
  }

  /** Resolves when everything that was handed in is there. */
  async flush(): Promise<void> {
    if (this.failure) return;
    this.#movesAreDue = true;
    this.#run();
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async close(withinMs: number): Promise<void> {
    this.#closing = true;
    const limit = new AbortController();
    await Promise.race([this.flush(), pause(withinMs, limit.signal)]);
    limit.abort();
    clearTimeout(this.#moveTimer);
    clearInterval(this.#lookTimer);
    this.#fail(new LogUnavailableError('The event log is closed'));
  }

  /** Called when the connections are gone. Connects again and finds out what the database holds; once for all who ask. */
  recover(): Promise<void> {
    // Connected is not enough: what the database holds must have been looked at.
    if (this.deps.sessions.connected && !this.#recovering) return Promise.resolve();
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
      this.#run();
    });
    return this.#recovering;
  }

  get #isIdle(): boolean {
    return this.#queue.isEmpty && this.#underWay.size === 0 && this.deps.progress.isSaved;
  }

  /** What else arrives in this turn of the event loop (a wake hands on to many) belongs into the same commit. */
  #runSoon(): void {
    this.#turnIsOver ??= Promise.resolve().then(() => {
      this.#turnIsOver = undefined;
      this.#run();
    });
  }

  /** Begins every commit that can begin now. */
  #run(): void {
    if (this.failure) return;
    // Before parts are taken: whoever loses patience while the database is away is certain that nothing was sent.
    if (this.#recovering || !this.deps.sessions.connected) return void this.recover().catch(() => undefined);
    for (let session = 0; session < this.deps.sessions.count; session += 1) {
      if (this.#underWay.has(session)) continue;
      if (!this.#begin(session)) break;
    }
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #begin(session: number): boolean {
    if (this.#queue.isEmpty && !this.#movesAreDue) return false;
    const touched = new Touched();
    for (const { parts, moves } of this.#underWay.values()) {
      touched.add({ records: [], moves });
      for (const part of parts) touched.add(part);
    }
    const parts = this.#queue.take(touched);
    if (parts.length === 0 && !this.#movesAreDue) return false;
    // A commit with names is retried in another shape: it takes nothing else along.
    const takesMoves = !parts[0]?.names;
    const moves = takesMoves ? this.deps.progress.takeUnsaved((group) => !touched.hasGroup(group)) : [];
    // What belongs to a group that is being written stays due.
    if (this.deps.progress.isSaved) this.#movesAreDue = false;
    if (parts.length === 0 && moves.length === 0) return false;
    const underWay: UnderWay = { session, parts, moves, sentAtMs: Infinity };
    this.#underWay.set(session, underWay);
    void this.#commit(underWay).finally(() => {
      this.#underWay.delete(session);
      this.#run();
    });
    return true;
  }

  /** Never rejects. */
  async #commit(underWay: UnderWay): Promise<void> {
    try {
      const commit = await this.#send(underWay);
      if (commit) this.#handOn(underWay.parts, commit);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The commit when it is in the log for certain; undefined when the log was set back and the commit is void. */
  async #send(underWay: UnderWay): Promise<Commit | undefined> {
    const { session, parts, moves } = underWay;
    const rewinds = this.#rewinds;
    let commit = planCommit(parts, moves, this.deps.now());
    for (let failures = 0; ;) {
      await this.recover();
      if (this.#rewinds !== rewinds) return undefined;
      if (commit.records.length === 0 && commit.places.some((places) => places.length > 0)) return commit;
      try {
        underWay.sentAtMs = Date.now();
        TO_COMMIT.publish(undefined);
        await this.deps.sessions.query(commit.query, session);
        COMMITTED.publish(undefined);
        return commit;
      } catch (error) {
        if (isUniqueViolation(error)) throw new LogTakenError(`Somebody else wrote to the event log: ${error}`);
        if (hasTakenNames(error, commit)) {
          commit = await this.#withoutTaken(underWay, commit);
        } else if (isAnswered(error)) {
          this.deps.logger.error(
            { error: String(error) },
            'The database refused an append to the event log; trying again',
          );
          await pause(backoffMs((failures += 1), 100, 2_000));
        } else {
          this.deps.sessions.abandon();
          await this.recover();
          if (this.#rewinds === rewinds && isThere(commit, await readEnds(this.deps.sessions))) return commit;
        }
      } finally {
        underWay.sentAtMs = Infinity;
      }
    }
  }

  /** The same commit without the records whose names somebody has; as it was while that cannot be looked up. */
  async #withoutTaken({ parts, moves }: UnderWay, commit: Commit): Promise<Commit> {
    try {
      const taken = await commit.names!.taken(commit.named.map(({ name }) => name));
      return planCommit(parts, moves, this.deps.now(), taken);
    } catch (error) {
      this.deps.logger.warn({ error: String(error) }, 'Names that are taken could not be looked up; trying again');
      await pause(backoffMs(1, 100, 2_000));
      return commit;
    }
  }

  #handOn(parts: readonly Waiting[], commit: Commit): void {
    const touched = new Set<Partition>();
    let bytes = 0;
    commit.records.forEach((record, index) => {
      const ready = commit.ready[index]!;
      ready.partition.push(record, ready.bytes);
      touched.add(ready.partition);
      bytes += ready.bytes;
    });
    this.deps.partitions.grew(bytes);
    commit.names?.given(commit.named);
    parts.forEach((part, index) => part.resolve(commit.places[index]!));
    for (const partition of touched) partition.wake();
  }

  async #recover(): Promise<void> {
    try {
      for (;;) {
        await this.deps.sessions.reopen();
        try {
          const ends = await readEnds(this.deps.sessions);
          if (this.deps.partitions.areAheadOf(ends)) await this.#rewind(ends);
          this.deps.logger.info({}, 'The database of the event log is back');
          return;
        } catch (error) {
          this.deps.logger.warn({ error: String(error) }, 'Reading the ends of the event log failed; trying again');
          this.deps.sessions.abandon();
        }
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** What was derived and not yet flushed is gone, its progress with it: everybody begins again at what is there. */
  async #rewind(ends: readonly End[]): Promise<void> {
    this.deps.logger.warn({}, 'The database lost its last unflushed commits; consumers begin again where it is now');
    this.deps.onSetBack();
    await this.deps.progress.load(this.deps.sessions);
    this.deps.partitions.reset(ends);
    this.#rewinds += 1;
    const lost = new LogUnavailableError('The database was set back');
    for (const part of this.#takeAllParts()) part.reject(lost);
    this.deps.onRewound();
  }

  /** Everything that somebody waits for, under way or not. */
  #takeAllParts(): Waiting[] {
    return [...[...this.#underWay.values()].flatMap(({ parts }) => parts), ...this.#queue.takeAll()];
  }

  /** Rejects who has waited long enough, and notices a statement that hangs. */
  #look(): void {
    const nowMs = Date.now();
    const unavailable = (): Error => new LogUnavailableError('The database does not acknowledge');
    for (const { parts, sentAtMs } of this.#underWay.values()) {
      for (const part of parts) if (part.giveUpAtMs < nowMs) part.reject(unavailable());
      if (nowMs - sentAtMs > HANGS_AFTER_MS) this.deps.sessions.abandon();
    }
    for (const part of this.#queue.takeLate(nowMs)) part.reject(unavailable());
  }

  #fail(error: Error): void {
    if (!this.failure && !(error instanceof LogUnavailableError)) {
      this.deps.logger.error({ error: String(error) }, 'The event log cannot go on in this process');
    }
    this.failure ??= error;
    for (const part of this.#takeAllParts()) part.reject(this.failure);
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

const isUniqueViolation = (error: unknown): boolean => error instanceof DatabaseError && error.code === '23505';
