import type { LogRecord } from '../event-log.js';
import type { PartitionBatch } from './produce-queue.js';

export interface TakerPlace {
  /** With prefix. */
  readonly topic: string;
  readonly partition: number;
}

/** Where records of one partition are awaited. */
export interface Taker extends TakerPlace {
  /** The position that it waits for. */
  readonly position: number;
  readonly wantsMore: boolean;
  take(records: readonly LogRecord[], next: number, end: number): void;
}

export interface TakerEvents {
  /** `taker` was given what it waited for. */
  given(taker: Taker): void;
  /** Something lies between what it has and what we have just appended: it must be fetched. */
  behind(): void;
}

/**
 * What this process appends to partitions that it reads itself need not come back from the broker: as soon as a batch is
 * acknowledged (by all replicas that count, so that everybody may read it) it is handed to the group's member that waits for
 * exactly this position. Whoever waits for another one fetches, as for the records of other processes.
 */
export class HandOver {
  private readonly takers = new Map<string, { taker: Taker; events: TakerEvents }[]>();
  private readonly underWay = new Set<string>();

  /** Hands over to these from now on. Answers with how that ends. */
  add(takers: readonly Taker[], events: TakerEvents): () => void {
    for (const taker of takers) {
      const place = placeOf(taker);
      this.takers.set(place, [...(this.takers.get(place) ?? []), { taker, events }]);
    }
    return () => {
      for (const taker of takers) {
        const place = placeOf(taker);
        const others = this.takers.get(place)?.filter((one) => one.taker !== taker) ?? [];
        if (others.length > 0) this.takers.set(place, others);
        else this.takers.delete(place);
      }
    };
  }

  /** `batches` are on their way to the log, until what is answered is called. */
  appending(batches: readonly TakerPlace[]): () => void {
    const places = batches.map(placeOf);
    for (const place of places) this.underWay.add(place);
    return () => {
      for (const place of places) this.underWay.delete(place);
    };
  }

  /** Whether records of ours are on their way there. */
  isAppending(place: TakerPlace): boolean {
    return this.underWay.has(placeOf(place));
  }

  /** `batch` is on its topic, from position `base` on, appended at `appendedAtMs` (negative: the broker does not say). */
  appended(batch: PartitionBatch, base: number, appendedAtMs: number): void {
    const waiting = this.takers.get(placeOf(batch));
    if (!waiting || appendedAtMs < 0) return;
    let records: readonly LogRecord[] | undefined;
    const next = base + batch.records.length;
    for (const { taker, events } of waiting) {
      if (taker.position < base) events.behind();
      if (taker.position !== base || !taker.wantsMore) continue;
      taker.take((records ??= recordsOf(batch, base, appendedAtMs)), next, next);
      events.given(taker);
    }
  }
}

const placeOf = ({ topic, partition }: TakerPlace): string => `${partition}/${topic}`;

/** As if they had been fetched, but for strings in headers: those a fetch answers as they were written, too. */
function recordsOf({ partition, records }: PartitionBatch, base: number, appendedAtMs: number): readonly LogRecord[] {
  return records.map(({ record, key }, index) => ({
    topic: record.topic,
    partition,
    position: base + index,
    appendedAtMs,
    key,
    value: record.value,
    headers: record.headers,
  }));
}
