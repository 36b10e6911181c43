import { HoldError } from '../errors.js';
import type { LogRecord } from '../event-log.js';
import { backoffMs, pause } from '../backoff.js';

export interface RecordQueueDeps {
  /** Takes a batch; a rejection means that it wants the same batch again. */
  readonly handle: (records: readonly LogRecord[]) => Promise<void>;
  readonly batchRecords: number;
  /** How much may wait. */
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
  /** There is room again after the queue was full. */
  readonly onRoom: () => void;
  /** The same batch failed again; `held` when its handler asked to be held. */
  readonly onFailure: (error: unknown, failures: number, held: boolean) => void;
  readonly onRecovered: () => void;
}

const LIMIT_BYTES = 8 * 1024 * 1024;
/** For what is not urgent: when it is behind, it is behind in every partition of every topic. */
export const LAZY_LIMIT_BYTES = 1 * 1024 * 1024;

/**
 * Fetched records of one partition, handed on in order, a batch at a time: what has come meanwhile goes together. A batch
 * that was refused is handed on again, with nothing before or behind it, until it is taken. It is bounded: when it is full
 * its partition is not fetched, and it asks for more when half of it is left, so that it does not run dry meanwhile.
 */
export class RecordQueue {
  private readonly records: LogRecord[] = [];
  private bytes = 0;
  private full = false;
  private running: Promise<void> | undefined;
  private behind: number;
  private waiting: { position: number; resolve: () => void }[] = [];

  constructor(
    start: number,
    private readonly deps: RecordQueueDeps,
  ) {
    this.behind = start;
  }

  get isFull(): boolean {
    return this.full;
  }

  /** Everything below this position was handed on and taken. */
  get finished(): number {
    return this.records[0]?.position ?? this.behind;
  }

  /** `next` is the position behind `records`, also where there are none. */
  push(records: readonly LogRecord[], next: number): void {
    for (const record of records) {
      this.records.push(record);
      this.bytes += sizeOf(record);
    }
    this.behind = Math.max(this.behind, next);
    this.full ||= this.isOver(1);
    if (this.records.length > 0) this.running ??= this.run();
    else this.tellWaiting();
  }

  /** Resolves when everything below `position` was taken. Never, when the queue is aborted before. */
  reached(position: number): Promise<void> {
    if (this.finished >= position) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ position, resolve }));
  }

  /** Resolves when no batch is being handled any more; only sensible after the signal's abort. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal, batchRecords, onRoom } = this.deps;
    while (this.records.length > 0 && !signal.aborted) {
      const batch = this.records.slice(0, batchRecords);
      if (!(await this.handOn(batch))) break;
      this.records.splice(0, batch.length);
      for (const record of batch) this.bytes -= sizeOf(record);
      if (this.full && !this.isOver(0.5)) {
        this.full = false;
        onRoom();
      }
      this.tellWaiting();
    }
    this.running = undefined;
  }

  /** Until it is taken; false when the queue was aborted before. */
  private async handOn(batch: readonly LogRecord[]): Promise<boolean> {
    const { handle, signal, onFailure, onRecovered } = this.deps;
    for (let failures = 0; !signal.aborted;) {
      try {
        await handle(batch);
        if (failures > 0) onRecovered();
        return true;
      } catch (error) {
        failures += 1;
        if (signal.aborted) return false;
        const held = error instanceof HoldError;
        onFailure(error, failures, held);
        // Holding is no fault: look again soon.
        await pause(backoffMs(failures, 100, held ? 1_000 : 5_000), signal);
      }
    }
    return false;
  }

  private isOver(share: number): boolean {
    const { batchRecords, limitBytes = LIMIT_BYTES } = this.deps;
    return this.records.length >= batchRecords * 4 * share || this.bytes >= limitBytes * share;
  }

  private tellWaiting(): void {
    if (this.waiting.length === 0) return;
    const { finished } = this;
    for (const { position, resolve } of this.waiting) if (position <= finished) resolve();
    this.waiting = this.waiting.filter(({ position }) => position > finished);
  }
}

const sizeOf = (record: LogRecord): number => (record.value?.length ?? 0) + (record.key?.length ?? 0) + 256;
