import { isUtf8 } from 'node:buffer';
import { HEADER, type HeaderValue, type RecordHeaders } from '@switchhook/contracts';
import { parseAttributes, type EventAttributes } from '@switchhook/domain';

/** Bytes that are no UTF-8 are kept as they are. */
export type ArchivedHeaderText = string | { readonly base64: string };
export type ArchivedHeaders = Readonly<Record<string, ArchivedHeaderText | readonly ArchivedHeaderText[]>>;

/** Where a record stood. Positions are unique per identity, topic and partition. */
export interface RecordPlace {
  /** The log that it was read from. */
  readonly identity: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

/**
 * What `audit.records` keeps of a record for good: everything but the payload. The views are made of this and of nothing
 * else, so that they can be made again when the payload is gone.
 */
export interface ArchivedRecord extends RecordPlace {
  /** Epoch ms (LogAppendTime). */
  readonly appendedAt: number;
  readonly kind: RecordKind;
  readonly accountId: number | null;
  readonly eventKey: string | null;
  readonly deliveryId: string | null;
  readonly webhookId: number | null;
  readonly run: number | null;
  readonly number: number | null;
  readonly headers: ArchivedHeaders;
  /** JSON text; what it holds depends on `kind`: `EventFacts`, `RejectedFacts`, `SignedFacts` or contracts' `Outcome`. */
  readonly facts: string | null;
}

/**
 * `event` and `refused`: a record of `events.v1` or of a rejected topic, its payload kept beside it. `requested`, `cancel`,
 * `signed` and the outcomes: what became of an event. `webhook.…`, `credential.…`, `deliveries.…` (a pause): configuration. `unreadable`: a record
 * of one of our own topics that is not as we write them.
 */
export type RecordKind = string;

/** The attributes of an event, of `events.v1` in either mode; of a refused one as far as they can be read. */
export interface EventFacts {
  readonly id: string | null;
  readonly source: string | null;
  readonly type: string | null;
  readonly subject: string | null;
  /** Epoch ms; null where it cannot be read. */
  readonly time: number | null;
}

/** What a record on `<topic>.rejected` says about the one that was refused. */
export interface RejectedFacts extends EventFacts {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly reason: string;
}

/** Of a prepared call: what proves later what was sent, without the payload. */
export interface SignedFacts {
  readonly url: string;
  readonly signingKeyIds: readonly string[];
  /** SHA-256 of the body, base64url. */
  readonly bodyHash: string;
}

/** The headers as the archive keeps them: text where they are text. */
export function archivedHeaders(headers: RecordHeaders): ArchivedHeaders {
  const archived: Record<string, ArchivedHeaderText | readonly ArchivedHeaderText[]> = {};
  for (const name in headers) archived[name] = archivedValue(headers[name]!);
  return archived;
}

function archivedValue(value: HeaderValue): ArchivedHeaderText | readonly ArchivedHeaderText[] {
  return Array.isArray(value)
    ? (value as (string | Buffer)[]).map(archivedText)
    : archivedText(value as string | Buffer);
}

const archivedText = (value: string | Buffer): ArchivedHeaderText => {
  if (typeof value === 'string') return value;
  return isUtf8(value) ? value.toString('utf8') : { base64: value.toString('base64') };
};

/** The text of header `name` (the first where it is repeated); null when absent or no text. */
export function archivedHeaderText(headers: ArchivedHeaders, name: string): string | null {
  const value = headers[name];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : null;
}

/** The event's attributes on a record that carries them; null where there are none, or none that can be read. */
export function archivedAttributes(headers: ArchivedHeaders): EventAttributes | null {
  const text = archivedHeaderText(headers, HEADER.attributes);
  if (text === null) return null;
  try {
    return parseAttributes(text);
  } catch {
    return null; // Whoever made the record could not read them either.
  }
}

/** `text` as a Postgres `text` can hold it: it has no NUL. */
export const storableText = (text: string | null): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;
