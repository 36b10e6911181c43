import { channel } from 'node:diagnostics_channel';
import type { RejectCode, TelephonyEvent, Webhook } from '@switchhook/contracts';
import { eventKey, eventRecordKey, matches, readEventRecord } from '@switchhook/domain';
import { HoldError, toRejected, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import type { NamedBatch } from './accepted-names.js';
import type { Claim } from './claims.js';
import { requestsFor, unmatchedOutcome, type AcceptedEvent } from './fan-out.js';

/** Where chaos runs end the process (docs/adr/0035). */
const NAMES_GIVEN = channel('switchhook.ingestion.names-given');
const CLAIMED = channel('switchhook.ingestion.claimed');

/** Who wants what, as far as `webhooks.v1` has been read. */
export interface Receivers {
  caughtUp(): boolean;
  webhooksFor(accountId: number, eventType: string): readonly Webhook[];
}

/** Which accounts exist. `reachEnd` resolves when all that was known anywhere at the time of the call is known here. */
export interface Accounts {
  exists(accountId: number): boolean;
  reachEnd(): Promise<void>;
}

export interface Names {
  accept(batch: NamedBatch): Promise<boolean[]>;
  watermark(partition: number): number;
}

/** Who has each of the webhooks that are claimed: the first event that claimed it. */
export interface Claims {
  claim(claims: readonly Claim[]): Promise<ReadonlyMap<number, string>>;
}

/** Which accounts are above their rate. Asked once per delivery. */
export interface Rates {
  isOver(accountId: number): boolean;
}

/** What ingestion counts. */
export interface IngestCounters {
  accepted(count: number): void;
  duplicate(count: number): void;
  rejected(reason: RejectCode): void;
  wrongKey(): void;
  /** Milliseconds at which the log took a record that has now been worked off. */
  done(appendedAtMs: number): void;
}

export interface IngestDeps {
  readonly receivers: Receivers;
  /** Its `reachEnd` covers the webhooks too. */
  readonly accounts: Accounts;
  readonly names: Names;
  readonly claims: Claims;
  readonly rates: Rates;
  readonly counters: IngestCounters;
  readonly now: () => number;
}

export interface EventBatch {
  readonly partition: number;
  readonly records: readonly LogRecord[];
}

export type IngestEvents = (batch: EventBatch) => Promise<OutgoingRecord[]>;

interface Candidate extends AcceptedEvent {
  readonly index: number;
  receivers: readonly Webhook[];
}

/**
 * Works a batch of `events.v1` off: answers with one request per receiver of each event that is new, the outcome of each
 * that has none, and the rejected. Throws `HoldError` while the directory is not read to its end; anything thrown means that
 * nothing happened and the same batch comes again, which the names make harmless.
 */
export const ingest =
  (deps: IngestDeps): IngestEvents =>
  async (batch) => {
    if (!deps.receivers.caughtUp()) throw new HoldError('The webhook directory has not been read to its end yet');
    const records = notFinished(batch, deps.names.watermark(batch.partition));
    const outputs: OutgoingRecord[][] = [];
    const atEnd = once(() => deps.accounts.reachEnd());
    const candidates = await ofKnownAccounts(deps, readAll(deps, records, outputs), atEnd, outputs);
    await findReceivers(deps, candidates, atEnd);
    if (candidates.length > 0) await process(deps, batch, candidates, outputs);
    for (const record of records) deps.counters.done(record.appendedAtMs);
    return outputs.flat();
  };

/** A group whose offset the log has forgotten starts at the beginning: what lies before the watermark was worked off once. */
function notFinished({ records }: EventBatch, watermark: number): readonly LogRecord[] {
  const [first] = records;
  return first && first.position < watermark ? records.filter(({ position }) => position >= watermark) : records;
}

/** The readable ones; what cannot be read goes to `outputs`, at its place in the batch. */
function readAll(deps: IngestDeps, records: readonly LogRecord[], outputs: OutgoingRecord[][]): Candidate[] {
  const candidates: Candidate[] = [];
  records.forEach((record, index) => {
    const read = readEventRecord(record, record.appendedAtMs);
    if ('rejection' in read) {
      outputs[index] = reject(deps, record, read.rejection.code, read.rejection.words);
      return;
    }
    const { event } = read;
    if (record.key?.toString('utf8') !== eventRecordKey(event)) deps.counters.wrongKey();
    const key = eventKey(event.accountId, event.source, event.id);
    candidates.push({ index, record, event, eventKey: key, receivers: [] });
  });
  return candidates;
}

/** Looks at unknown accounts once more when the directories have reached their ends, then rejects their events. */
async function ofKnownAccounts(
  deps: IngestDeps,
  candidates: Candidate[],
  atEnd: () => Promise<void>,
  outputs: OutgoingRecord[][],
): Promise<Candidate[]> {
  const exists = ({ event }: Candidate): boolean => deps.accounts.exists(event.accountId);
  if (candidates.every(exists)) return candidates;
  await atEnd();
  return candidates.filter((candidate) => {
    if (exists(candidate)) return true;
    const { index, record, event } = candidate;
    outputs[index] = reject(deps, record, 'unknown-account', `accountid: ${event.accountId} is no account`);
    return false;
  });
}

/**
 * Matching comes before the names are given: what an event would claim (a webhook that wants one event only) is known when
 * the names are written, and is claimed right after them.
 */
async function findReceivers(deps: IngestDeps, candidates: Candidate[], atEnd: () => Promise<void>): Promise<void> {
  const look = (candidate: Candidate): void => {
    candidate.receivers = receiversOf(deps.receivers, candidate.event, candidate.record.appendedAtMs);
  };
  candidates.forEach(look);
  const unmatched = candidates.filter(({ receivers }) => receivers.length === 0);
  if (unmatched.length === 0) return;
  await atEnd();
  unmatched.forEach(look);
}

/** Those of the account who want the event. */
export function receiversOf(receivers: Receivers, event: TelephonyEvent, acceptedAtMs: number): readonly Webhook[] {
  const named = receivers.webhooksFor(event.accountId, event.type);
  return named.filter((webhook) => matches(webhook, event, acceptedAtMs));
}

async function process(
  { names, claims, rates, counters, now }: IngestDeps,
  { partition, records }: EventBatch,
  candidates: readonly Candidate[],
  outputs: OutgoingRecord[][],
): Promise<void> {
  const nowMs = now();
  const events = candidates.map(({ eventKey: key, record }) => ({ eventKey: key, position: record.position }));
  const finishedBefore = records[0]?.position ?? 0;
  const ours = await names.accept({ partition, finishedBefore, events, nowMs });
  NAMES_GIVEN.publish(undefined);
  const accepted = candidates.filter((_, place) => ours[place]);
  await claimReceivers(claims, accepted);
  const isOver = (accountId: number): boolean => rates.isOver(accountId);
  accepted.forEach((candidate) => {
    const { index, receivers } = candidate;
    outputs[index] =
      receivers.length > 0 ? requestsFor(candidate, receivers, isOver) : [unmatchedOutcome(candidate, nowMs)];
  });
  counters.accepted(accepted.length);
  if (accepted.length < candidates.length) counters.duplicate(candidates.length - accepted.length);
}

/** A webhook with `singleUse` is for one event; the others have not matched it. Asks nothing where there is no such webhook. */
async function claimReceivers(claims: Claims, accepted: readonly Candidate[]): Promise<void> {
  const wanted = accepted.flatMap(({ eventKey: key, receivers }) =>
    receivers.filter(({ singleUse }) => singleUse).map(({ id }) => ({ webhookId: id, eventKey: key })),
  );
  if (wanted.length === 0) return;
  const owners = await claims.claim(wanted);
  CLAIMED.publish(undefined);
  for (const candidate of accepted) {
    const mayHave = ({ id, singleUse }: Webhook): boolean => !singleUse || owners.get(id) === candidate.eventKey;
    candidate.receivers = candidate.receivers.filter(mayHave);
  }
}

function reject({ counters }: IngestDeps, record: LogRecord, code: RejectCode, words: string): OutgoingRecord[] {
  counters.rejected(code);
  return [toRejected(record, code, words)];
}

function once(ask: () => Promise<void>): () => Promise<void> {
  let asked: Promise<void> | undefined;
  return () => (asked ??= ask());
}
