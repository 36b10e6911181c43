import type { EntityManager } from 'typeorm';

/** A fact to append. `data` and `metadata` are anything that JSON can hold. */
export interface NewEvent {
  readonly type: string;
  readonly data: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface StoredEvent extends NewEvent {
  /** Place among all events of the store, from 1, without gaps. Commit order is position order. */
  readonly position: number;
  readonly streamId: string;
  /** Place in its stream, from 1. */
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Epoch ms. */
  readonly recordedAt: number;
}

/** Where an append ended: the stream's new version, and the position of the last event. */
export interface Appended {
  readonly version: number;
  readonly position: number;
}

/**
 * Streams of events, one per aggregate. A reader of `readAll` who goes on from the last position that it saw misses
 * nothing, whoever is appending meanwhile.
 */
export interface EventStore {
  /**
   * Appends at least one event to a stream that is at `expectedVersion` (0: there is none yet); all of them or none.
   * Inside `tx` when it is given: then they are there when it commits, and other appends wait until then.
   * Throws `ConcurrencyError` when the stream is at another version; a given `tx` has to be rolled back then.
   */
  append(streamId: string, expectedVersion: number, events: readonly NewEvent[], tx?: EntityManager): Promise<Appended>;

  /** The events of one stream, in order; empty when there is none. */
  readStream(streamId: string): Promise<StoredEvent[]>;

  /** At most `limit` events of all streams, in order, from `fromPosition` (inclusive). */
  readAll(fromPosition: number, limit: number): Promise<StoredEvent[]>;
}

/** Somebody else appended to the stream since it was read. */
export class ConcurrencyError extends Error {
  constructor(
    readonly streamId: string,
    readonly expectedVersion: number,
    readonly actualVersion: number,
  ) {
    super(`Stream ${streamId} is at version ${actualVersion}, not ${expectedVersion}`);
  }
}
