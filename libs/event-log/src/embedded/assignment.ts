import { channel } from 'node:diagnostics_channel';
import { AppendTimes } from '../append-times.js';
import { HoldError } from '../errors.js';
import type { Ahead, Batch, ConsumeOptions, LogRecord, OutgoingRecord } from '../event-log.js';
import { backoffMs, pause, within } from '../backoff.js';
import { SettleTracker } from '../settle-tracker.js';
import type { Logger } from '../logger.js';
import type { Partition } from './partition.js';
import type { Move } from './progress.js';
import type { Appetite, Reader, RecordSource } from './source.js';

/** Where chaos runs end the process (docs/adr/0035). */
const HANDLED = channel('switchhook.log.handled');
const OUTPUTS_WRITTEN = channel('switchhook.log.outputs-written');

const HOLD_IS_FAILURE_AFTER_MS = 30_000;

/** What an assignment needs of the log. */
export interface AssignmentDeps {
  readonly source: RecordSource;
  readonly logger: Logger;
  readonly now: () => number;
  /** Appends a handler's outputs together with the group's progress. */
  append(records: readonly OutgoingRecord[], move: Move): Promise<unknown>;
  moveSoon(move: Move): void;
  /** Told when a group that handles ahead waits for the next record. */
  isIdle(): void;
  /** Where the group is with this partition. */
  startOf(group: string, partition: Partition): number;
}

/** What was handled before it is appended. It is told once which of the two came true. */
export interface HandledAhead {
  readonly outputs: readonly OutgoingRecord[];
  readonly move: Move;
  appended(): void;
  dropped(): void;
}

/** One partition of every topic of a group, in the hands of one member from assignment to revocation. */
export class Assignment {
  readonly #abort = new AbortController();
  /** False once somebody else may have the partition: whatever still comes from the handler is ignored. */
  #isOurs = true;
  #working: Promise<unknown> = Promise.resolve();
  #appends = new Set<Promise<unknown>>();
  readonly #positions = new Map<Partition, number>();
  /** Partitions of which all is finished: the next record is waited for. */
  readonly #waiting = new Set<Partition>();
  /** By topic: when the log took the oldest record that was handed on and is not finished. */
  readonly #oldestMs = new Map<string, () => number | undefined>();
  /** By topic (or `assignment`): since when it has been failing. */
  readonly #failingSinceMs = new Map<string, number>();

  constructor(
    readonly number: number,
    private readonly partitions: readonly Partition[],
    private readonly options: ConsumeOptions,
    private readonly appetite: Appetite,
    private readonly deps: AssignmentDeps,
  ) {}

  start(): void {
    for (const partition of this.partitions) {
      this.#positions.set(partition, this.deps.startOf(this.options.group, partition));
    }
    this.#working = this.#work();
  }

  /** Records of the partition not yet handed on. */
  lag(topic: string): number {
    const partition = this.partitions.find((candidate) => candidate.topic === topic);
    return partition ? partition.next - this.#positions.get(partition)! : 0;
  }

  /** Epoch ms at which the log took the oldest record of `topic` that is not finished; undefined when all are. */
  oldestMs(topic: string): number | undefined {
    return this.#oldestMs.get(topic)?.();
  }

  /** Epoch ms since which a handler has been failing without a success; undefined when none is. */
  failingSinceMs(): number | undefined {
    return this.#failingSinceMs.size > 0 ? Math.min(...this.#failingSinceMs.values()) : undefined;
  }

  /** Stops handing on, gives the member `limitMs` to finish, and resolves when nothing more will come of it. */
  async revoke(limitMs: number): Promise<void> {
    this.#stop();
    const revoked = Promise.resolve()
      .then(() => this.options.onRevoked?.(this.number, limitMs))
      .catch((error: unknown) => this.#say('onRevoked failed', error));
    await within(limitMs, Promise.all([revoked, this.#working]));
    this.#isOurs = false;
    // What was handed in to the writer is as good as there; the next owner must begin behind it.
    await Promise.allSettled(this.#appends);
  }

  /** Nothing that comes of it counts any more. */
  disown(): void {
    this.#isOurs = false;
    this.#stop();
  }

  /**
   * Handles `records`, which are about to be appended to `partition`, if it can be said at once what they cause and nothing
   * stands before them; else undefined. Until it is told what became of them a revocation waits.
   */
  ahead(partition: Partition, records: readonly LogRecord[], areNamed: boolean): HandledAhead | undefined {
    const { ahead, batchRecords = Infinity, group } = this.options;
    const isNext = this.#waiting.has(partition) && this.#positions.get(partition) === records[0]!.position;
    if (!ahead || !isNext || this.#abort.signal.aborted || records.length > batchRecords) return undefined;
    let handled: Ahead | undefined;
    try {
      handled = ahead({ topic: partition.topic, partition: this.number, records, areNamed });
    } catch {
      // It will throw again when the records are there, and is said and repeated then.
    }
    if (!handled) return undefined;
    HANDLED.publish(group);
    const { outputs, appended } = handled;
    const next = records.at(-1)!.position + 1;
    const known = Promise.withResolvers<void>();
    this.#appends.add(known.promise);
    const end = (): void => {
      this.#appends.delete(known.promise);
      known.resolve();
    };
    return {
      outputs,
      move: this.#move(partition, next),
      appended: () => {
        this.#positions.set(partition, next);
        try {
          appended();
        } catch (error) {
          this.#say(`${partition.topic}: what was appended could not be noted`, error);
        }
        OUTPUTS_WRITTEN.publish(group);
        end();
      },
      dropped: end,
    };
  }

  /** Whether it is about to have finished all that there is, so that it could handle ahead what comes next. */
  get isFinishing(): boolean {
    if (!this.options.ahead || this.#abort.signal.aborted) return false;
    return this.partitions.some(
      (partition) => !this.#waiting.has(partition) && this.#positions.get(partition) === partition.next,
    );
  }

  #stop(): void {
    this.#abort.abort();
    for (const partition of this.partitions) partition.wake();
  }

  toString(): string {
    return `group ${this.options.group}, partition ${this.number}`;
  }

  async #work(): Promise<void> {
    await this.#announce();
    await Promise.all(this.partitions.map((partition) => this.#handOnAll(partition)));
  }

  async #announce(): Promise<void> {
    const assigned = {
      partition: this.number,
      starts: Object.fromEntries(
        this.partitions.map((partition) => [partition.topic, this.#positions.get(partition)!]),
      ),
      ends: Object.fromEntries(this.partitions.map((partition) => [partition.topic, partition.next])),
      signal: this.#abort.signal,
      isSure: () => this.#isOurs,
    };
    await this.#untilDone('assignment', async () => this.options.onAssigned?.(assigned));
  }

  async #handOnAll(partition: Partition): Promise<void> {
    const { signal } = this.#abort;
    const tracker = new SettleTracker(this.#positions.get(partition)!);
    const times = new AppendTimes();
    const byRecord = this.options.settle === 'record';
    const reader = this.#reader(partition);
    this.#oldestMs.set(partition.topic, () => (tracker.open === 0 ? undefined : times.at(tracker.watermark)));
    while (!signal.aborted) {
      this.#waiting.add(partition);
      if (this.options.ahead) this.deps.isIdle();
      const records = await this.deps.source.take(partition, reader, this.appetite, signal);
      this.#waiting.delete(partition);
      const last = records.at(-1);
      if (!last || signal.aborted) return;
      const next = last.position + 1;
      this.#positions.set(partition, next);
      for (const { position, appendedAtMs } of records) times.note(position, appendedAtMs);
      // A batch that is finished as a whole is open with its first record.
      tracker.take(positionsOf(byRecord ? records : records.slice(0, 1)), next);
      const batch = this.#batch(partition, records, tracker);
      await this.#untilDone(partition.topic, async () => {
        const outputs = await this.options.handle(batch);
        HANDLED.publish(this.options.group);
        if (!byRecord && this.#isOurs) await this.#finish(partition, outputs ?? [], next);
      });
      if (!byRecord) tracker.settle(records[0]!.position);
    }
  }

  #reader(partition: Partition): Reader {
    const positions = this.#positions;
    return {
      get position() {
        return positions.get(partition)!;
      },
      skipTo: (position) => void positions.set(partition, position),
    };
  }

  #batch(partition: Partition, records: readonly LogRecord[], tracker: SettleTracker): Batch {
    const settle = (record: LogRecord): void => {
      if (!this.#isOurs || this.options.settle !== 'record') return;
      tracker.settle(record.position);
      this.deps.moveSoon(this.#move(partition, tracker.watermark));
    };
    return { topic: partition.topic, partition: this.number, records, signal: this.#abort.signal, settle };
  }

  /** Outputs and progress are one transaction. Progress alone may wait: at worst the batch is handled again. */
  async #finish(partition: Partition, outputs: readonly OutgoingRecord[], next: number): Promise<void> {
    const move = this.#move(partition, next);
    if (outputs.length === 0) return this.deps.moveSoon(move);
    const append = this.deps.append(outputs, move);
    this.#appends.add(append);
    try {
      await append;
      OUTPUTS_WRITTEN.publish(this.options.group);
    } finally {
      this.#appends.delete(append);
    }
  }

  #move(partition: Partition, position: number): Move {
    return { group: this.options.group, topicId: partition.topicId, partition: partition.number, position };
  }

  /** Repeats `step` until it succeeds or the partition is taken away. */
  async #untilDone(what: string, step: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    for (let failures = 1; this.#isOurs; failures += 1) {
      try {
        await step();
        this.#failingSinceMs.delete(what);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const sinceMs = this.#failingSinceMs.get(what) ?? this.deps.now();
        this.#failingSinceMs.set(what, sinceMs);
        const isHeld = error instanceof HoldError && this.deps.now() - sinceMs < HOLD_IS_FAILURE_AFTER_MS;
        if (!isHeld) this.#say(`${what} failed; trying again`, error);
        await pause(backoffMs(failures), signal);
        if (signal.aborted) return;
      }
    }
  }

  #say(message: string, error: unknown): void {
    const { group } = this.options;
    this.deps.logger.error({ group, partition: this.number, err: error }, message);
  }
}

const positionsOf = (records: readonly LogRecord[]): number[] => records.map((record) => record.position);
