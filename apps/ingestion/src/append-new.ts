import { channel } from 'node:diagnostics_channel';
import {
  LogUnavailableError,
  type EventLog,
  type NameTable,
  type OutgoingRecord,
  type Place,
} from '@switchhook/event-log';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_APPEND = channel('switchhook.ingestion.to-append');
const EVENTS_APPENDED = channel('switchhook.ingestion.events-appended');

/** Events of one account, by name. */
export type NamedEvents = ReadonlyMap<string, OutgoingRecord>;

/**
 * Appends the events whose names are new; resolves when they are durable, with a place for each of those: the others have
 * none, or an undefined one.
 */
export type AppendNew = (events: NamedEvents) => Promise<readonly (Place | undefined)[]>;

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
    TO_APPEND.publish(undefined);
    const places = fresh.length > 0 ? await append(fresh, { flush: true }) : [];
    EVENTS_APPENDED.publish(undefined);
    return places;
  };

/** Appends and gives the names in one transaction, where the log is in the same database. */
export const appendWithNames =
  (publishOnce: NonNullable<EventLog['publishOnce']>, names: NameTable): AppendNew =>
  async (events) => {
    const named = [...events].map(([name, record]) => ({ name, record }));
    TO_APPEND.publish(undefined);
    const places = await publishOnce(named, names);
    EVENTS_APPENDED.publish(undefined);
    return places;
  };
