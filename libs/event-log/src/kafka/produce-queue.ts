import type { OutgoingRecord, Place } from '../event-log.js';

/** One call of `publish`: settled when all its records have places, or at its deadline. */
export class PublishCall {
  readonly places: Place[];
  readonly done: Promise<Place[]>;
  private missing: number;
  private ended = false;
  private settle!: { resolve: (places: Place[]) => void; reject: (error: Error) => void };

  constructor(
    count: number,
    readonly deadlineMs: number,
  ) {
    this.places = new Array<Place>(count);
    this.missing = count;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  get isOver(): boolean {
    return this.ended;
  }

  place(index: number, place: Place): void {
    this.places[index] = place;
    this.missing -= 1;
    if (this.missing > 0 || this.ended) return;
    this.ended = true;
    this.settle.resolve(this.places);
  }

  fail(error: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.settle.reject(error);
  }
}

/** A record on its way, with the place in its call's answer. */
export interface QueuedRecord {
  readonly call: PublishCall;
  readonly index: number;
  readonly record: OutgoingRecord;
  /** With prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly bytes: number;
}

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: QueuedRecord[];
  bytes: number;
}

export interface RequestBounds {
  readonly requestBytes: number;
  readonly partitionBytes: number;
}

/**
 * Takes from the front of `queue` what goes out together: one batch per partition, none above `partitionBytes` and all of
 * them not above `requestBytes`, but for a record that is larger by itself. Order within a partition is kept: the first
 * record that has no room ends the request. Records of calls that are over are dropped.
 */
export function takeRequest(queue: QueuedRecord[], bounds: RequestBounds): PartitionBatch[] {
  const batches = new Map<string, PartitionBatch>();
  let total = 0;
  let taken = 0;
  for (const queued of queue) {
    if (!queued.call.isOver) {
      const name = `${queued.partition}/${queued.topic}`;
      const batch = batches.get(name);
      if (total > 0 && total + queued.bytes > bounds.requestBytes) break;
      if (batch && batch.bytes + queued.bytes > bounds.partitionBytes) break;
      if (batch) {
        batch.records.push(queued);
        batch.bytes += queued.bytes;
      } else {
        const { topic, partition, bytes } = queued;
        batches.set(name, { topic, partition, bytes, records: [queued] });
      }
      total += queued.bytes;
    }
    taken += 1;
  }
  queue.splice(0, taken);
  return [...batches.values()];
}
