import {
  HEADER,
  SCHEMA_VERSION,
  headerText,
  splitParts,
  type AttemptIds,
  type TelephonyEvent,
} from '@switchhook/contracts';
import { eventFromHeaders, readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';

/** An attempt to make, as a record of `deliveries.requested.v1` says it. */
export interface Requested {
  readonly record: LogRecord;
  readonly ids: AttemptIds;
  readonly event: TelephonyEvent;
}

/** A record that says nothing we understand. */
export interface UnreadableRequest {
  readonly record: LogRecord;
  readonly unreadable: string;
}

/** Reads one record. Throws `HoldError` for a layout newer than ours: an upgrade will read it, so it must wait. */
export function readRequested(record: LogRecord): Requested | UnreadableRequest {
  const schema = Number(headerText(record.headers, HEADER.schema) ?? SCHEMA_VERSION);
  if (schema > SCHEMA_VERSION) {
    const { topic, partition, position } = record;
    throw new HoldError(`${topic} ${partition}:${position} has schema ${schema}; this version reads ${SCHEMA_VERSION}`);
  }
  try {
    const ids = readAttemptIds(record.headers);
    return { record, ids, event: eventFromHeaders(record.headers, dataOf(record)) };
  } catch (error) {
    return { record, unreadable: error instanceof Error ? error.message : String(error) };
  }
}

function dataOf({ headers, value }: LogRecord): Buffer {
  const kind = headerText(headers, HEADER.kind);
  if (kind !== 'request') throw new Error(`Header ${HEADER.kind} is "${kind ?? ''}", not "request"`);
  if (value === null) throw new Error('The record has no value');
  const [data, ...more] = splitParts(value, headers);
  if (data === undefined || more.length > 0) throw new Error('The value of a request is the data of its event alone');
  return data;
}
