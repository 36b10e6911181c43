import { hash } from 'node:crypto';
import {
  CredentialEventSchema,
  EndpointChangeSchema,
  HEADER,
  OutcomeSchema,
  PauseEventSchema,
  PreparedCallSchema,
  SCHEMA_VERSION,
  TOPICS,
  WebhookEventSchema,
  headerText,
  isPauseKey,
  isRejectedTopic,
  splitParts,
} from '@switchhook/contracts';
import { eventKey, readAttemptIds, readEventRecord } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import { archivedHeaders, type ArchivedRecord, type RejectedFacts, type SignedFacts } from './archived-record.js';
import { attributesOf, factsOf, type ReadAttributes } from './event-attributes.js';

/** What the archive makes of one record. */
export interface Description {
  readonly archived: ArchivedRecord;
  /** The value where it is archived as it is: of events, of refused records, of configuration. Else null. */
  readonly payload: Buffer | null;
  /** Why a record of one of our own topics could not be read; it is archived all the same. */
  readonly fault?: string;
}

type Ids = Pick<ArchivedRecord, 'accountId' | 'eventKey' | 'deliveryId' | 'webhookId' | 'run' | 'number'>;
type Reading = {
  readonly kind: string;
  readonly ids?: Partial<Ids>;
  readonly facts?: string;
  readonly payload?: Buffer | null;
};

const NO_IDS: Ids = { accountId: null, eventKey: null, deliveryId: null, webhookId: null, run: null, number: null };
/** Postgres `integer`; no run or attempt of ours gets there. */
const INTEGER_MAX = 2 ** 31 - 1;

const READERS: Readonly<Record<string, (record: LogRecord) => Reading>> = {
  [TOPICS.events.name]: readEvent,
  [TOPICS.webhooks.name]: readWebhook,
  [TOPICS.credentials.name]: readCredential,
  [TOPICS.requested.name]: readRequested,
  [TOPICS.requestedBulk.name]: readRequested,
  [TOPICS.signed.name]: readSigned,
  [TOPICS.outcomes.name]: readOutcome,
  [TOPICS.endpoints.name]: readEndpoint,
};

/**
 * What the archive keeps of `record`. Never fails on what it holds: a record that is not as we write it is described
 * without ids, with its value, and `fault` says why. Throws `HoldError` for a record of a newer layout than this code knows
 * (correctness.md §5): read wrongly now, it would be wrong in the archive for ever.
 */
export function describeRecord(identity: string, record: LogRecord): Description {
  const reader = isRejectedTopic(record.topic) ? readRejected : READERS[record.topic];
  if (!isRejectedTopic(record.topic) && record.topic !== TOPICS.events.name) holdNewerLayout(record);
  try {
    if (!reader) throw new Error(`nobody reads ${record.topic}`);
    return description(identity, record, reader(record));
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { ...description(identity, record, { kind: 'unreadable', payload: record.value }), fault };
  }
}

function holdNewerLayout({ topic, partition, position, headers }: LogRecord): void {
  const version = Number(headerText(headers, HEADER.schema) ?? SCHEMA_VERSION);
  if (version > SCHEMA_VERSION) {
    throw new HoldError(
      `${topic}[${partition}]@${position} has layout ${version}; this version reads ${SCHEMA_VERSION}`,
    );
  }
}

function description(identity: string, record: LogRecord, { kind, ids, facts, payload }: Reading): Description {
  return {
    archived: {
      identity,
      topic: record.topic,
      partition: record.partition,
      position: record.position,
      appendedAt: record.appendedAtMs,
      kind,
      ...NO_IDS,
      ...ids,
      headers: archivedHeaders(record.headers),
      facts: facts ?? null,
    },
    payload: payload ?? null,
  };
}

/** Readable or not is ingestion's to say, on the rejected topic; here an unreadable event has no ids yet. */
function readEvent(record: LogRecord): Reading {
  const read = readEventRecord(record, record.appendedAtMs);
  if ('rejection' in read) return { kind: 'event', payload: record.value };
  const { event } = read;
  return {
    kind: 'event',
    ids: { accountId: event.accountId, eventKey: eventKey(event.accountId, event.source, event.id) },
    facts: JSON.stringify(factsOf({ ...event, subject: event.subject ?? null })),
    payload: record.value,
  };
}

function readRejected(record: LogRecord): Reading {
  const place = {
    topic: headerText(record.headers, HEADER.topic) ?? '',
    partition: wholeNumber(record, HEADER.partition),
    position: wholeNumber(record, HEADER.offset),
    reason: headerText(record.headers, HEADER.reason) ?? '',
  };
  const attributes: ReadAttributes | null = place.topic === TOPICS.events.name ? attributesOf(record) : null;
  const { accountId = null, source = null, id = null } = attributes ?? {};
  const facts: RejectedFacts = { ...place, ...factsOf(attributes) };
  const named = accountId !== null && source !== null && id !== null;
  return {
    kind: 'refused',
    ids: { accountId, eventKey: named ? eventKey(accountId, source, id) : null },
    facts: JSON.stringify(facts),
    payload: record.value,
  };
}

function readWebhook(record: LogRecord): Reading {
  if (isPauseKey(record.key)) {
    const { type, accountId = null } = PauseEventSchema.parse(jsonOf(record.value));
    return { kind: type, ids: { accountId }, payload: record.value };
  }
  const { type, webhook } = WebhookEventSchema.parse(jsonOf(record.value));
  return { kind: type, ids: { accountId: webhook.accountId, webhookId: webhook.id }, payload: record.value };
}

function readCredential(record: LogRecord): Reading {
  const { type, credential } = CredentialEventSchema.parse(jsonOf(record.value));
  return { kind: type, ids: { accountId: credential.accountId ?? null }, payload: record.value };
}

function readRequested(record: LogRecord): Reading {
  const cancels = headerText(record.headers, HEADER.kind) === 'cancel';
  return { kind: cancels ? 'cancel' : 'requested', ids: attemptIds(record) };
}

function readSigned(record: LogRecord): Reading {
  const [call, body] = splitParts(record.value ?? Buffer.alloc(0), record.headers);
  if (!call || !body) throw new Error('a signed record has a call and its body');
  const { url, signingKeyIds } = PreparedCallSchema.parse(jsonOf(call));
  const facts: SignedFacts = { url, signingKeyIds, bodyHash: hash('sha256', body, 'base64url') };
  return { kind: 'signed', ids: attemptIds(record), facts: JSON.stringify(facts) };
}

function readOutcome(record: LogRecord): Reading {
  const [text] = splitParts(record.value ?? Buffer.alloc(0), record.headers);
  const { outcome } = OutcomeSchema.parse(jsonOf(text ?? null));
  const ids = outcome === 'unmatched' ? unmatchedIds(record) : attemptIds(record);
  return { kind: outcome, ids, facts: text?.toString('utf8') };
}

function readEndpoint(record: LogRecord): Reading {
  const { state, accountId } = EndpointChangeSchema.parse(jsonOf(record.value));
  return { kind: `breaker-${state}`, ids: { accountId }, payload: record.value };
}

function attemptIds(record: LogRecord): Ids {
  const { accountId, eventKey: key, deliveryId, webhookId, run, number } = readAttemptIds(record.headers);
  if (run > INTEGER_MAX || number > INTEGER_MAX) throw new Error(`run ${run}, number ${number} is out of range`);
  return { accountId, eventKey: key, deliveryId, webhookId, run, number };
}

const EVENT_KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An unmatched event has no delivery. Its place on `events.v1` says which event it was. */
function unmatchedIds(record: LogRecord): Partial<Ids> {
  const key = headerText(record.headers, HEADER.eventKey) ?? '';
  if (!EVENT_KEY.test(key)) throw new Error(`Header ${HEADER.eventKey} is unreadable: "${key.slice(0, 100)}"`);
  if (!/^\d{1,9}:\d{1,15}$/.test(headerText(record.headers, HEADER.origin) ?? '')) {
    throw new Error(`Header ${HEADER.origin} is missing or unreadable`);
  }
  return { accountId: wholeNumber(record, HEADER.accountId), eventKey: key };
}

function wholeNumber(record: LogRecord, name: string): number {
  const text = headerText(record.headers, name) ?? '';
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`Header ${name} is missing or no number`);
  return value;
}

const jsonOf = (text: Buffer | null): unknown => JSON.parse(text?.toString('utf8') ?? '');
