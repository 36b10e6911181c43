import { setImmediate as letOthersGo } from 'node:timers/promises';
import type { Fault, Rejection, TelephonyEvent } from '@switchhook/contracts';
import { readEventRecord, readStructured, splitBatch } from '@switchhook/domain';
import { HttpFault } from '@switchhook/platform';

/** A `POST /v2/events` as it came: header names in lower case, the body's own bytes. */
export interface EventRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface IndexedEvent {
  /** Place in the batch; undefined for an event that came alone. */
  readonly index: number | undefined;
  readonly event: TelephonyEvent;
}

/** A fault, and what it makes of the answer: 400, 413 or 403. */
export interface EventFault {
  readonly code: 'invalid' | 'tooLarge' | 'otherAccount';
  readonly fault: Fault;
}

export interface ReadRequest {
  readonly events: readonly IndexedEvent[];
  readonly faults: readonly EventFault[];
}

const ATTRIBUTE_HEADER = 'ce-';
/** Events of a batch that are read in one go: whatever else there is to do has its turn after some milliseconds. */
const READ_AT_ONCE = 50;

/**
 * The events of a request, and what is wrong with those that cannot be read: one event or a batch (CloudEvents HTTP binding,
 * structured and batched mode), or binary mode. `accountId` is used where an event names none. Throws a 415 `HttpFault`.
 */
export async function readRequest(
  request: EventRequest,
  accountId: number,
  acceptedAtMs: number,
): Promise<ReadRequest> {
  const contentType = headerOf(request, 'content-type') ?? '';
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mediaType.startsWith('application/cloudevents') && !isUtf8(contentType)) throw unsupported(contentType);
  if (mediaType === 'application/cloudevents+json') {
    return collect([readStructured(request.body, acceptedAtMs, accountId)], false);
  }
  if (mediaType === 'application/cloudevents-batch+json') return readBatch(request.body, accountId, acceptedAtMs);
  const attributes = Object.keys(request.headers).filter((name) => name.startsWith(ATTRIBUTE_HEADER));
  // `application/cloudevents` in another format is never binary mode (CloudEvents HTTP binding, §3).
  if (attributes.length === 0 || mediaType.startsWith('application/cloudevents')) throw unsupported(contentType);
  return readBinary(request, attributes, accountId, acceptedAtMs);
}

async function readBatch(body: Buffer, accountId: number, acceptedAtMs: number): Promise<ReadRequest> {
  const texts = splitBatch(body);
  if (!Array.isArray(texts)) return collect([{ rejection: texts }], false);
  const reads: Read[] = [];
  for (const text of texts) {
    if (reads.length > 0 && reads.length % READ_AT_ONCE === 0) await letOthersGo();
    reads.push(readStructured(text, acceptedAtMs, accountId));
  }
  return collect(reads, true);
}

function readBinary(
  request: EventRequest,
  attributes: readonly string[],
  accountId: number,
  acceptedAtMs: number,
): ReadRequest {
  const headers: Record<string, string> = { ce_accountid: String(accountId) };
  const contentType = headerOf(request, 'content-type');
  if (contentType !== undefined) headers['content-type'] = contentType;
  const faults: EventFault[] = [];
  for (const name of attributes) {
    const attribute = name.slice(ATTRIBUTE_HEADER.length);
    const value = decoded(headerOf(request, name) ?? '');
    if (value === undefined) faults.push(notDecodable(attribute));
    else headers[`ce_${attribute}`] = value;
  }
  if (faults.length > 0) return { events: [], faults };
  const value = request.body.length > 0 ? request.body : null;
  return collect([readEventRecord({ headers, value }, acceptedAtMs)], false);
}

/** Attribute values are percent-encoded in HTTP headers (CloudEvents HTTP binding, §3.1.3.2); undefined when they are not. */
function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

const notDecodable = (field: string): EventFault => ({
  code: 'invalid',
  fault: { field, message: 'is not percent-encoded UTF-8' },
});

type Read = { readonly event: TelephonyEvent } | { readonly rejection: Rejection };

function collect(reads: readonly Read[], isBatch: boolean): ReadRequest {
  const events: IndexedEvent[] = [];
  const faults: EventFault[] = [];
  reads.forEach((read, place) => {
    const index = isBatch ? place : undefined;
    if ('event' in read) events.push({ index, event: read.event });
    else faults.push(faultOf(read.rejection, index));
  });
  return { events, faults };
}

function faultOf({ code, field, words }: Rejection, index: number | undefined): EventFault {
  // The words begin with the field, which has a member of its own here.
  const message = words.startsWith(`${field}: `) ? words.slice(field.length + 2) : words;
  const fault = { ...(index !== undefined && { index }), field, message };
  return { code: code === 'too-large' ? 'tooLarge' : 'invalid', fault };
}

function headerOf({ headers }: EventRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const isUtf8 = (contentType: string): boolean => {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
};

const unsupported = (contentType: string): HttpFault =>
  new HttpFault('unsupportedType', `content-type ${contentType ? `"${contentType}"` : '(none)'} is not read here`, {
    developerMessage:
      'Send application/cloudevents+json, application/cloudevents-batch+json, or any other type with ce-* headers',
  });
