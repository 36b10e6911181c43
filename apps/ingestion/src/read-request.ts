import type { Fault, Rejection, TelephonyEvent } from '@switchhook/contracts';
import { batchEvents, readEventRecord, readStructured } from '@switchhook/domain';
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
/** What is read of a batch in one go: some tenths of a millisecond, then whatever else there is to do has its turn. */
const READ_AT_ONCE = { events: 20, bytes: 16 * 1024 };

/** For which account events are that name none, and when they came (epoch ms). */
export interface Acceptance {
  readonly accountId: number;
  readonly acceptedAtMs: number;
}

/** When a batch of more than is read in one go is read. */
export interface ReadingTurns {
  /** Asked once, with the account of its first event: resolves when the rest may be read. */
  readonly begin: (accountId: number) => Promise<void>;
  /** Resolves when the next stretch may be. */
  readonly next: () => Promise<void>;
}

/**
 * The events of a request, and what is wrong with those that cannot be read: one event or a batch (CloudEvents HTTP binding,
 * structured and batched mode), or binary mode. Throws a 415 `HttpFault`, and whatever `turns` throws.
 */
export async function readRequest(
  request: EventRequest,
  { accountId, acceptedAtMs }: Acceptance,
  turns: ReadingTurns,
): Promise<ReadRequest> {
  const contentType = headerOf(request, 'content-type') ?? '';
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mediaType.startsWith('application/cloudevents') && !isUtf8(contentType)) throw unsupported(contentType);
  if (mediaType === 'application/cloudevents+json') {
    return collect([readStructured(request.body, acceptedAtMs, accountId)], false);
  }
  if (mediaType === 'application/cloudevents-batch+json')
    return readBatch(request.body, { accountId, acceptedAtMs }, turns);
  const attributes = Object.keys(request.headers).filter((name) => name.startsWith(ATTRIBUTE_HEADER));
  // `application/cloudevents` in another format is never binary mode (CloudEvents HTTP binding, §3).
  if (attributes.length === 0 || mediaType.startsWith('application/cloudevents')) throw unsupported(contentType);
  return readBinary(request, attributes, accountId, acceptedAtMs);
}

type BatchTexts = ReturnType<typeof batchEvents>;

async function readBatch(
  body: Buffer,
  { accountId, acceptedAtMs }: Acceptance,
  turns: ReadingTurns,
): Promise<ReadRequest> {
  const texts = batchEvents(body);
  const reads: Read[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const next = readStretch(texts, (text) => reads.push(readStructured(text, acceptedAtMs, accountId)));
    if (next.done) return next.value ? collect([{ rejection: next.value }], false) : collect(reads, true);
    if (isFirst) await turns.begin(firstAccount(reads) ?? accountId);
    await turns.next();
  }
}

/** Reads on for a stretch; answers with the last of what it read, or with the end. */
function readStretch(texts: BatchTexts, read: (text: Buffer) => void): IteratorResult<Buffer, Rejection | undefined> {
  let next = texts.next();
  for (let events = 0, bytes = 0; !next.done; next = texts.next()) {
    read(next.value);
    events += 1;
    bytes += next.value.length;
    if (events >= READ_AT_ONCE.events || bytes >= READ_AT_ONCE.bytes) break;
  }
  return next;
}

const firstAccount = (reads: readonly Read[]): number | undefined =>
  reads.find((read) => 'event' in read)?.event.accountId;

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
