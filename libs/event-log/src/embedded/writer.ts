import { LogUnavailableError } from '../errors.js';
import type { Place } from '../event-log.js';
import type { Logger } from '../logger.js';
import { planCommit, type Commit, type Part } from './commit.js';
import type { Partition } from './partition.js';
import { readEnds, type End, type Partitions } from './partitions.js';
import type { Move, Progress } from './progress.js';
import { LogTakenError, isAnswered, type Session } from './session.js';
import { backoffMs, pause } from '../backoff.js';

/** One commit takes parts up to this size (one part is never cut): a burst becomes several commits. */
const COMMIT_BYTES = 8 * 1024 * 1024;
const COMMIT_RECORDS = 5_000;
/** Progress without records of its own waits this long for a commit to go with. */
const MOVE_AFTER_MS = 200;
/** A statement without an answer for so long: the connection is given up, and it is looked up what became of it. */
const HANGS_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 250;

interface Waiting extends Part {
  readonly giveUpAtMs: number;
  readonly resolve: (places: readonly Place[]) => void;
  readonly reject: (error: Error) => void;
}

export interface WriterDeps {
  readonly session: Session;
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
 * Appends for everybody: what arrives while a commit is under way goes into the next one. It owns the positions, so the
 * order of commits is the order of positions, and it can tell after a lost connection whether its last commit is there.
 */
export class GroupCommitWriter {
  #queue: Waiting[] = [];
  #underWay: Waiting[] = [];
  #sentAtMs = Infinity;
  #running = false;
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
   * Appends `part`, whole. With `patienceMs` it rejects with `LogUnavailableError` after that time, its fate unknown;
   * without, it waits until it is known.
   */
  append(part: Part, patienceMs = Infinity): Promise<readonly Place[]> {
    if (this.failure) return Promise.reject(this.failure);
    if (this.#closing) return Promise.reject(new LogUnavailableError('The event log is closing'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...part, giveUpAtMs: Date.now() + patienceMs, resolve, reject });
      this.#run();
    });
  }

  /** Saves `move` with the next commit, at most 200 ms later. */
  moveSoon(move: Move): void {
    this.deps.progress.note(move);
    this.#moveTimer ??= setTimeout(() => {
      this.#moveTimer = undefined;
      this.#run();
    }, MOVE_AFTER_MS);
  }

  /** Resolves when everything that was handed in is there. */
  async flush(): Promise<void> {
    if (this.failure) return;
    this.#run();
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
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

  /** Called when the connection is gone. Connects again and finds out what the database holds; once for all who ask. */
  recover(): Promise<void> {
    if (this.deps.session.connected) return Promise.resolve();
    this.#recovering ??= this.#recover().finally(() => (this.#recovering = undefined));
    return this.#recovering;
  }

  #run(): void {
    if (this.#running || this.failure) return;
    if (this.#queue.length === 0 && this.deps.progress.isSaved) return;
    this.#running = true;
    this.#commitAll()
      .catch((error: Error) => this.#fail(error))
      .finally(() => {
        this.#running = false;
        // Between the last look at the queue and now, something may have come.
        this.#run();
        if (!this.#running) for (const resolve of this.#idle.splice(0)) resolve();
      });
  }

  async #commitAll(): Promise<void> {
    // What else arrives in this turn of the event loop (a wake hands on to many) belongs into the same commit.
    await Promise.resolve();
    for (;;) {
      // Before parts are taken: whoever loses patience while the database is away is certain that nothing was sent.
      await this.recover();
      if (this.#queue.length === 0 && this.deps.progress.isSaved) return;
      this.#underWay = this.#takeParts();
      const commit = planCommit(this.#underWay, this.deps.progress.takeUnsaved(), this.deps.now());
      if (await this.#send(commit)) this.#handOn(commit);
      this.#underWay = [];
    }
  }

  #takeParts(): Waiting[] {
    let bytes = 0;
    let records = 0;
    let count = 0;
    for (const part of this.#queue) {
      bytes += part.bytes;
      records += part.records.length;
      if (count > 0 && (bytes > COMMIT_BYTES || records > COMMIT_RECORDS)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /** True when the commit is in the log for certain; false when the log was set back and the commit is void. */
  async #send(commit: Commit): Promise<boolean> {
    const rewinds = this.#rewinds;
    for (let failures = 0; ;) {
      await this.recover();
      if (this.#rewinds !== rewinds) return false;
      try {
        this.#sentAtMs = Date.now();
        await this.deps.session.query(commit.query);
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) throw new LogTakenError(`Somebody else wrote to the event log: ${error}`);
        if (isAnswered(error)) {
          this.deps.logger.error(
            { error: String(error) },
            'The database refused an append to the event log; trying again',
          );
          await pause(backoffMs((failures += 1), 100, 2_000));
        } else {
          this.deps.session.abandon();
          await this.recover();
          if (this.#rewinds === rewinds && (await this.#isThere(commit))) return true;
        }
      } finally {
        this.#sentAtMs = Infinity;
      }
    }
  }

  /** Whether `commit`, sent over a connection that is gone, arrived. One record tells: it is all or nothing. */
  async #isThere(commit: Commit): Promise<boolean> {
    const [record] = commit.records;
    if (!record) return false; // moves alone: sending them again does no harm
    const ends = await readEnds(this.deps.session);
    const { topicId } = commit.ready[0]!.partition;
    return ends.some(
      (end) => end.topicId === topicId && end.partition === record.partition && end.next > record.position,
    );
  }

  #handOn(commit: Commit): void {
    const touched = new Set<Partition>();
    let bytes = 0;
    commit.records.forEach((record, index) => {
      const ready = commit.ready[index]!;
      ready.partition.push(record, ready.bytes);
      touched.add(ready.partition);
      bytes += ready.bytes;
    });
    this.deps.partitions.grew(bytes);
    this.#underWay.forEach((part, index) => part.resolve(commit.places[index]!));
    for (const partition of touched) partition.wake();
  }

  async #recover(): Promise<void> {
    try {
      for (;;) {
        await this.deps.session.reopen();
        try {
          const ends = await readEnds(this.deps.session);
          if (this.#isBehind(ends)) await this.#rewind(ends);
          this.deps.logger.info({}, 'The database of the event log is back');
          return;
        } catch (error) {
          this.deps.logger.warn({ error: String(error) }, 'Reading the ends of the event log failed; trying again');
          this.deps.session.abandon();
        }
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  #isBehind(ends: readonly End[]): boolean {
    return ends.some((end) => end.next < (this.deps.partitions.byId(end.topicId, end.partition)?.next ?? 0));
  }

  /** What was derived and not yet flushed is gone, its progress with it: everybody begins again at what is there. */
  async #rewind(ends: readonly End[]): Promise<void> {
    this.deps.logger.warn({}, 'The database lost its last unflushed commits; consumers begin again where it is now');
    this.deps.onSetBack();
    await this.deps.progress.load(this.deps.session);
    this.deps.partitions.reset(ends);
    this.#rewinds += 1;
    const lost = new LogUnavailableError('The database was set back');
    for (const part of [...this.#underWay, ...this.#queue.splice(0)]) part.reject(lost);
    this.deps.onRewound();
  }

  /** Rejects who has waited long enough, and notices a statement that hangs. */
  #look(): void {
    const nowMs = Date.now();
    const unavailable = (): Error => new LogUnavailableError('The database does not acknowledge');
    for (const part of this.#underWay) if (part.giveUpAtMs < nowMs) part.reject(unavailable());
    const isLate = (part: Waiting): boolean => part.giveUpAtMs < nowMs;
    if (this.#queue.some(isLate)) {
      for (const part of this.#queue.filter(isLate)) part.reject(unavailable());
      this.#queue = this.#queue.filter((part) => !isLate(part));
    }
    if (nowMs - this.#sentAtMs > HANGS_AFTER_MS) this.deps.session.abandon();
  }

  #fail(error: Error): void {
    if (!this.failure && !(error instanceof LogUnavailableError)) {
      this.deps.logger.error({ error: String(error) }, 'The event log cannot go on in this process');
    }
    this.failure ??= error;
    for (const part of [...this.#underWay.splice(0), ...this.#queue.splice(0)]) part.reject(this.failure);
  }
}

const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';
