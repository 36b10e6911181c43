import { LogUnavailableError } from '../errors.js';
import type { Place } from '../event-log.js';
import type { Logger } from '../logger.js';
import { pause } from '../backoff.js';
import { CommitQueue, Touched, type Waiting } from './commit-queue.js';
import { CommitSender, dropAlong, type UnderWay } from './commit-sender.js';
import type { Commit, Part } from './commit.js';
import { HELD_MS, type HandlingAhead } from './handling-ahead.js';
import type { Partition } from './partition.js';
import { readEnds, storeSkips, type End, type Partitions } from './partitions.js';
import type { Move, Progress } from './progress.js';
import type { Sessions } from './sessions.js';

/** Progress without records of its own waits this long for a commit to go with. */
const MOVE_AFTER_MS = 200;
/** A statement without an answer for so long: the connections are given up, and it is looked up what became of it. */
const HANGS_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 250;

export interface WriterDeps {
  readonly sessions: Sessions;
  readonly partitions: Partitions;
  readonly progress: Progress;
  readonly ahead: Pick<HandlingAhead, 'plan' | 'holdsAt'>;
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
  /** While something is held. */
  #heldTimer: NodeJS.Timeout | undefined;
  readonly #lookTimer: NodeJS.Timeout;
  readonly #sender: CommitSender;
  #recovering: Promise<void> | undefined;
  #rewinds = 0;
  #idle: (() => void)[] = [];
  /** Set when the log can never be written again by this process. */
  failure: Error | undefined;

  constructor(private readonly deps: WriterDeps) {
    const { sessions, logger, now } = deps;
    const isBack = async (): Promise<number> => {
      await this.recover();
      return this.#rewinds;
    };
    this.#sender = new CommitSender({ sessions, logger, now, isBack, rewinds: () => this.#rewinds });
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
      const arrivedAtMs = Date.now();
      this.#queue.push({ ...part, arrivedAtMs, giveUpAtMs: arrivedAtMs + patienceMs, resolve, reject });
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

  /** A group has finished all that there was: what is held for it need not wait any more. */
  groupIsIdle(): void {
    if (this.#heldTimer !== undefined) this.#runSoon();
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
    clearTimeout(this.#heldTimer);
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
    for (const { parts, along, moves } of this.#underWay.values()) {
      touched.add({ records: [], moves });
      for (const part of [...parts, ...along]) touched.add(part);
    }
    const parts = this.#queue.take(touched, this.#holdsNow());
    if (parts.length === 0 && !this.#movesAreDue) return false;
    // A commit with names is retried in another shape: it takes nothing else along.
    const takesMoves = !parts[0]?.names;
    const moves = takesMoves ? this.deps.progress.takeUnsaved((group) => !touched.hasGroup(group)) : [];
    // What belongs to a group that is being written stays due.
    if (this.deps.progress.isSaved) this.#movesAreDue = false;
    if (parts.length === 0 && moves.length === 0) return false;
    const planned = this.deps.ahead.plan(parts, moves, this.deps.now(), touched);
    const underWay: UnderWay = { session, parts, moves, ...planned, sentAtMs: Infinity };
    this.#underWay.set(session, underWay);
    void this.#commit(underWay).finally(() => {
      this.#underWay.delete(session);
      this.#run();
    });
    return true;
  }

  #holdsNow(): (part: Waiting) => boolean {
    const holds = this.deps.ahead.holdsAt(Date.now());
    return (part) => {
      if (!holds(part)) return false;
      this.#heldTimer ??= setTimeout(() => {
        this.#heldTimer = undefined;
        this.#run();
      }, HELD_MS);
      return true;
    };
  }

  /** Never rejects. */
  async #commit(underWay: UnderWay): Promise<void> {
    try {
      const commit = await this.#sender.send(underWay);
      if (commit) this.#handOn(underWay, commit);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    } finally {
      // What has not been appended.
      dropAlong(underWay);
    }
  }

  #handOn(underWay: UnderWay, commit: Commit): void {
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
    underWay.parts.forEach((part, index) => part.resolve(commit.places[index]!));
    for (const part of underWay.along) part.appended();
    underWay.along = [];
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

  /**
   * What was derived and not yet flushed is gone, its progress with it: everybody begins again at what is there. Its positions
   * are not used again.
   */
  async #rewind(ends: readonly End[]): Promise<void> {
    this.deps.logger.warn({}, 'The database lost its last unflushed commits; consumers begin again where it is now');
    this.deps.onSetBack();
    await storeSkips(this.deps.sessions, this.deps.partitions.beyond(ends));
    await this.deps.progress.load(this.deps.sessions);
    this.deps.partitions.reset(await readEnds(this.deps.sessions));
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
