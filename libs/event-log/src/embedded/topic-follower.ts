import type { Follower, LogRecord } from '../event-log.js';
import { backoffMs, pause } from '../backoff.js';
import type { Logger } from '../logger.js';
import type { Partition } from './partition.js';
import type { Appetite, Reader, RecordSource } from './source.js';

const APPETITE: Appetite = { records: 1_000, bytes: 1024 * 1024, lingerMs: 0 };

interface Wish {
  readonly ends: readonly number[];
  readonly resolve: () => void;
}

/** Reads all partitions of a topic from their beginning, without a group. */
export class TopicFollower implements Follower {
  readonly caughtUp: Promise<void>;
  #abort = new AbortController();
  readonly #positions: number[];
  #wishes: Wish[] = [];
  #reading: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly partitions: readonly Partition[],
    private readonly onRecords: (records: readonly LogRecord[]) => void | Promise<void>,
    private readonly source: RecordSource,
    private readonly logger: Logger,
  ) {
    this.#positions = partitions.map((partition) => partition.earliest);
    this.caughtUp = this.reachEnd();
    this.#readAll();
  }

  reachEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#wishes.push({ ends: this.partitions.map((partition) => partition.next), resolve });
      this.#grant();
    });
  }

  /** After the database was set back: what was read beyond its end comes again under the same positions. */
  async rewind(): Promise<void> {
    // Now, not after the wait: by then the same positions may be taken again.
    const ends = this.partitions.map((partition) => partition.next);
    this.#stop();
    await this.#reading;
    ends.forEach((end, index) => (this.#positions[index] = Math.min(this.#positions[index]!, end)));
    this.#abort = new AbortController();
    this.#readAll();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#reading;
  }

  #stop(): void {
    this.#abort.abort();
    for (const partition of this.partitions) partition.wake();
  }

  #readAll(): void {
    const { signal } = this.#abort;
    this.#reading = Promise.all(this.partitions.map((partition, index) => this.#read(partition, index, signal)));
  }

  async #read(partition: Partition, index: number, signal: AbortSignal): Promise<void> {
    const reader = this.#reader(index);
    for (;;) {
      const records = await this.source.take(partition, reader, APPETITE, signal);
      const last = records.at(-1);
      if (!last || !(await this.#hand(records, signal))) return;
      this.#positions[index] = last.position + 1;
      this.#grant();
    }
  }

  #reader(index: number): Reader {
    const positions = this.#positions;
    return {
      get position() {
        return positions[index]!;
      },
      skipTo: (position) => {
        positions[index] = position;
        this.#grant();
      },
    };
  }

  async #hand(records: readonly LogRecord[], signal: AbortSignal): Promise<boolean> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.onRecords(records);
        return true;
      } catch (error) {
        this.logger.error({ topic: records[0]?.topic, err: error }, 'A follower failed; trying again');
        await pause(backoffMs(failures), signal);
      }
    }
    return false;
  }

  #grant(): void {
    this.#wishes = this.#wishes.filter(({ ends, resolve }) => {
      const isReached = ends.every(
        (end, index) => this.#positions[index]! >= Math.min(end, this.partitions[index]!.next),
      );
      if (isReached) resolve();
      return !isReached;
    });
  }
}
