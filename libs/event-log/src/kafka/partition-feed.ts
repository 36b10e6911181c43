import { AppendTimes } from '../append-times.js';
import type { LogRecord } from '../event-log.js';
import type { FetchTarget } from './fetcher.js';
import { RecordQueue, type RecordQueueDeps } from './record-queue.js';
import { SettleTracker } from '../settle-tracker.js';

export interface FeedPlace {
  /** With prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/** One partition of one topic while it is ours: what is fetched, what is waiting to be handed on, what is still open. */
export class PartitionFeed implements FetchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly queue: RecordQueue;
  readonly tracker: SettleTracker;
  position: number;
  /** What the group was last told; -1 before that. */
  committed = -1;
  private readonly times = new AppendTimes();
  private end: number;
  private isLost = false;

  constructor(
    place: FeedPlace,
    deps: RecordQueueDeps,
    private readonly onOutOfRange: (feed: PartitionFeed) => void,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.position = place.start;
    this.end = place.end;
    this.queue = new RecordQueue(place.start, deps);
    this.tracker = new SettleTracker(place.start);
  }

  get wantsMore(): boolean {
    return !this.isLost && !this.queue.isFull;
  }

  /** Records between what was handed on and the end, as far as known. */
  get lag(): number {
    return Math.max(0, this.end - this.queue.finished);
  }

  /** Epoch ms at which the log took the oldest record that is not finished; undefined when all that was fetched is. */
  get oldestMs(): number | undefined {
    return this.tracker.open === 0 ? undefined : this.times.at(this.tracker.watermark);
  }

  take(records: readonly LogRecord[], next: number, end: number): void {
    this.end = Math.max(this.end, end);
    if (next === this.position) return;
    this.position = next;
    for (const { position, appendedAtMs } of records) this.times.note(position, appendedAtMs);
    this.tracker.take(
      records.map((record) => record.position),
      next,
    );
    this.queue.push(records, next);
  }

  outOfRange(): void {
    this.isLost = true;
    this.onOutOfRange(this);
  }

  /** Goes on at `position`, the first that is still there. */
  skipTo(position: number): void {
    this.isLost = false;
    this.take([], position, Math.max(position, this.end));
  }
}
