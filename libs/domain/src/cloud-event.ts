import {
  HEADER,
  LIMITS,
  headerText,
  type HeaderValue,
  type RecordHeaders,
  type Rejection,
  type TelephonyEvent,
} from '@switchhook/contracts';
import { arrayItems, checkJson, isString, objectMembers, stringOf } from './json-text.js';
import {
  mediaTypeOf,
  readAttributes,
  reject,
  type Acceptance,
  type AttributeTexts,
  type ReadResult,
} from './event-attributes.js';

export type { ReadResult } from './event-attributes.js';

const STRUCTURED_TYPE = 'application/cloudevents+json';
const STRUCTURED_FAMILY = 'application/cloudevents';
const CONTENT_TYPE = 'content-type';
const PREFIX = 'ce_';

/**
 * Reads a record of `events.v1`: CloudEvents 1.0, Kafka protocol binding, binary or structured mode by its content type.
 * `time` absent becomes `acceptedAtMs` (epoch ms). Never throws: what is wrong comes back as a rejection.
 */
export function readEventRecord(
  record: { readonly headers: RecordHeaders; readonly value: Buffer | null; readonly key?: Buffer | null },
  acceptedAtMs: number,
): ReadResult {
  const mediaType = mediaTypeOf(headerText(record.headers, CONTENT_TYPE) ?? '').toLowerCase();
  if (mediaType.startsWith(STRUCTURED_FAMILY)) {
    if (mediaType !== STRUCTURED_TYPE)
      return reject('invalid-attribute', CONTENT_TYPE, `must be ${STRUCTURED_TYPE} or application/json`);
    if (!record.value?.length) return reject('no-value', 'data', 'is missing, the record has no value');
    return readStructured(record.value, acceptedAtMs);
  }
  const texts = new Map<string, string>();
  for (const [header, value] of Object.entries(record.headers)) {
    const name = attributeNameOf(header);
    if (name === undefined) continue;
    const text = exactText(value);
    if (text === undefined) return reject('invalid-attribute', name, 'must be given once, in UTF-8');
    texts.set(name, text);
  }
  return readBinary(texts, record.value, { acceptedAtMs });
}

/** Binary mode, whatever carried it: attributes by name (`datacontenttype` is the content type), and the data. */
export function readBinary(attributes: AttributeTexts, data: Buffer | null, acceptance: Acceptance): ReadResult {
  const read = readAttributes(attributes, acceptance);
  if ('rejection' in read) return read;
  if (!data?.length) return reject('no-value', 'data', 'is missing, the event has no value');
  const fault = dataTooLarge(data);
  if (fault) return fault;
  const words = checkJson(data);
  if (words) return reject('not-json', 'data', words);
  return { event: { ...read.attributes, data } };
}

/**
 * Reads a CloudEvent in structured mode (JSON event format 1.0). `data` stays as its bytes in `text`; `data_base64` is
 * refused, because the data of our events is JSON. `actingAccountId` stands in for an absent `accountid`.
 */
export function readStructured(text: Buffer, acceptedAtMs: number, actingAccountId?: number): ReadResult {
  // The data may be nested as deeply as in binary mode, and the event around it is one level more.
  const words = checkJson(text, { depth: LIMITS.jsonDepth + 1 });
  if (words) return reject('not-json', 'event', words);
  const members = objectMembers(text);
  if (!members) return reject('not-json', 'event', 'must be a JSON object');
  const texts = new Map<string, string>();
  let data: Buffer | undefined;
  for (const { name, value } of members) {
    if (name === 'data') data = value;
    else if (name === 'data_base64')
      return reject('invalid-attribute', name, 'is not supported, send the JSON as data');
    else {
      const attribute = attributeText(value);
      if (attribute === undefined)
        return reject('invalid-attribute', name.slice(0, 100), 'must be a string, a number or a boolean');
      // null is the same as absence (CloudEvents JSON event format §2.2), and of members with one name the last counts.
      if (attribute === null) texts.delete(name);
      else texts.set(name, attribute);
    }
  }
  const read = readAttributes(texts, { acceptedAtMs, actingAccountId });
  if ('rejection' in read) return read;
  if (data === undefined) return reject('no-value', 'data', 'is missing');
  return dataTooLarge(data) ?? { event: { ...read.attributes, data } };
}

/**
 * The events of a batch (`application/cloudevents-batch+json`) as views on their JSON texts, one after the other, each still
 * to be read with `readStructured`; at the end, why the text is no array of 1 … 1,000, if it is none.
 */
export function* batchEvents(text: Buffer): Generator<Buffer, Rejection | undefined> {
  const items = arrayItems(text);
  let count = 0;
  let item = items.next();
  for (; !item.done; item = items.next()) {
    count += 1;
    if (count <= LIMITS.batchEvents) yield item.value;
  }
  if (!item.value) {
    const words = checkJson(text, { depth: LIMITS.jsonDepth + 2 });
    return reject('not-json', 'events', words ?? 'must be a JSON array of events').rejection;
  }
  if (count === 0) return reject('no-value', 'events', 'a batch holds at least one event').rejection;
  if (count <= LIMITS.batchEvents) return undefined;
  const words = `a batch holds at most ${LIMITS.batchEvents} events, not ${count}`;
  return reject('too-large', 'events', words).rejection;
}

/** The headers that carry an event in binary mode on our own topics; the value is its data. */
export function eventHeaders(event: TelephonyEvent): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    ce_time: event.time,
    ce_accountid: String(event.accountId),
    [CONTENT_TYPE]: event.dataContentType,
  };
  if (event.subject !== undefined) headers['ce_subject'] = event.subject;
  for (const [name, value] of Object.entries(event.extensions)) headers[PREFIX + name] = value;
  return headers;
}

/** The attributes of an event in the header `switchhook-attributes` of our own records. */
export interface EventAttributes {
  readonly accountid: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: string;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** The header that carries an event's attributes on our own records; `eventFromHeaders` is its inverse. */
export function attributesHeader(event: TelephonyEvent): Record<string, string> {
  const attributes: EventAttributes = {
    accountid: event.accountId,
    id: event.id,
    source: event.source,
    type: event.type,
    ...(event.subject !== undefined && { subject: event.subject }),
    time: event.time,
    datacontenttype: event.dataContentType,
    ...(Object.keys(event.extensions).length > 0 && { extensions: event.extensions }),
  };
  return { [HEADER.attributes]: JSON.stringify(attributes) };
}

/** The event in `attributesHeader` and its data, unchecked: for our own records only. Throws when the header is missing or no JSON. */
export function eventFromHeaders(headers: RecordHeaders, data: Buffer): TelephonyEvent {
  const text = headerText(headers, HEADER.attributes);
  if (text === undefined) throw new Error(`Header ${HEADER.attributes} is missing`);
  const { accountid, id, source, type, subject, time, datacontenttype, extensions = {} } = parseAttributes(text);
  return {
    accountId: accountid,
    ...{ id, source, type, time, extensions, data },
    ...(subject !== undefined && { subject }),
    dataContentType: datacontenttype,
  };
}

/** The header's text. Throws when it is no JSON. */
export const parseAttributes = (text: string): EventAttributes => JSON.parse(text) as EventAttributes;

/** The record key of an event on `events.v1`: what keeps the events of one call in order. */
export const eventRecordKey = (event: Pick<TelephonyEvent, 'accountId' | 'subject' | 'id'>): string =>
  `${event.accountId}:${event.subject ?? event.id}`;

function attributeNameOf(header: string): string | undefined {
  if (header === CONTENT_TYPE) return 'datacontenttype';
  // In binary mode the content type is the attribute; a second one beside it would say nothing more (Kafka binding §3.2.1).
  if (!header.startsWith(PREFIX) || header === 'ce_datacontenttype') return undefined;
  return header.slice(PREFIX.length);
}

/** The text of a header, or undefined when it is repeated or its bytes are not UTF-8: two ids must not become one. */
function exactText(value: HeaderValue): string | undefined {
  if (typeof value === 'string') return value;
  if (!Buffer.isBuffer(value)) return value.length === 1 ? exactText(value[0]!) : undefined;
  const text = value.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text).equals(value) ? undefined : text;
}

/** Null for null, undefined for what no attribute can be. */
function attributeText(value: Buffer): string | null | undefined {
  if (isString(value)) return stringOf(value);
  const text = value.toString('latin1');
  if (text === 'null') return null;
  return text.startsWith('{') || text.startsWith('[') ? undefined : text;
}

function dataTooLarge(data: Buffer): { rejection: Rejection } | undefined {
  if (data.length <= LIMITS.eventDataBytes) return undefined;
  return reject('too-large', 'data', `must have at most ${LIMITS.eventDataBytes} bytes, not ${data.length}`);
}
