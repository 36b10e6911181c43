import {
  LogUnavailableError,
  type EventLog,
  type NameTable,
  type OutgoingRecord,
  type Place,
} from '@switchhook/event-log';

/** Appends the events whose names (the keys) are new; resolves with how many those were, when they are durable. */
export type AppendNew = (events: ReadonlyMap<string, OutgoingRecord>) => Promise<number>;

/** Appends to the log; the answer comes when the records are durable. */
export type Append = (records: readonly OutgoingRecord[], options: { flush: true }) => Promise<Place[]>;

/** Names of events that are known already. */
export type Known = (eventKeys: Iterable<string>) => Promise<ReadonlySet<string>>;

/** The names of accepted events cannot be read: nothing was appended. */
export class NamesUnavailableError extends LogUnavailableError {}

/**
 * Looks the names up, then appends: where log and names have no transaction in common. Of two requests with the same event at
 * the same time both may append it; ingestion gives the name to one of them (correctness.md §1).
 */
export const lookUpThenAppend =
  (known: Known, append: Append): AppendNew =>
  async (events) => {
    const taken = await known(events.keys()).catch((error: unknown) => {
      throw new NamesUnavailableError('The names of accepted events cannot be read', { cause: error });
    });
    const fresh = [...events].filter(([eventKey]) => !taken.has(eventKey)).map(([, record]) => record);
    if (fresh.length > 0) await append(fresh, { flush: true });
    return fresh.length;
  };

/** Appends and gives the names in one transaction, where the log is in the same database. */
export const appendWithNames =
  (publishOnce: NonNullable<EventLog['publishOnce']>, names: NameTable): AppendNew =>
  async (events) => {
    const named = [...events].map(([name, record]) => ({ name, record }));
    const places = await publishOnce(named, names);
    return places.filter((place) => place !== undefined).length;
  };
