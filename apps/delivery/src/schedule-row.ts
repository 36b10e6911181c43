import {
  HEADER,
  OutcomeSchema,
  headerText,
  splitParts,
  type AttemptIds,
  type Outcome,
  type RecordHeaders,
} from '@switchhook/contracts';
import { attemptHeaders, readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import { placeInOrder, subjectKey, type PlaceInOrder } from './place-in-order.js';
import type { Webhooks } from './webhooks.js';

/** An attempt that waits: everything that is needed to request it again. */
export interface ScheduleRow {
  readonly ids: AttemptIds;
  readonly partition: number;
  /** Epoch ms; null for a parked one, which waits until its webhook's lane has room. */
  readonly dueAt: number | null;
  /** Of the outcome that made the row. */
  readonly position: number;
  /** The event's attributes and the trace, as text. */
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Buffer;
  /** Where it stands in the order of its subject, for a webhook that keeps it. */
  readonly place?: PlaceInOrder;
}

/** What one outcome does to the schedule. */
export type ScheduleChange =
  | { readonly kind: 'put'; readonly row: ScheduleRow }
  | {
      readonly kind: 'remove';
      readonly webhookId: number;
      readonly deliveryId: string;
      readonly run: number;
      /** Only for a webhook that keeps the order of subjects. */
      readonly subject?: string;
    }
  | { readonly kind: 'nothing' };

/**
 * The change that an outcome record makes. An attempt that was the first and was never parked has no row, so that the
 * delivery that succeeds at once costs the schedule nothing. What says that a delivery goes on which has ended comes from
 * a former owner, whose write was held up in the network: its row would be requested, and dropped by name, again and again.
 * Throws a HoldError while the webhook is not known: whether its subjects keep an order would be a guess, and absence is no
 * answer (correctness.md §3). Throws when the record is not an outcome as we write it.
 */
export function scheduleChange(
  record: LogRecord,
  webhooks: Webhooks,
  seen: Pick<FinishedNames, 'addEnded' | 'hasEnded'>,
): ScheduleChange {
  const name = headerText(record.headers, HEADER.outcome);
  if (name === 'unmatched' || record.headers[HEADER.ids] === undefined) return { kind: 'nothing' };
  const ids = readAttemptIds(record.headers);
  if (!webhooks.has(ids.webhookId, ids.webhookVersion)) {
    throw new HoldError(`webhook ${ids.webhookId} v${ids.webhookVersion} is not known yet`);
  }
  if (name !== 'attempted' && name !== 'deferred') {
    seen.addEnded(ids);
    return changeAtEnd(ids, record.headers, webhooks);
  }
  if (seen.hasEnded(ids)) return { kind: 'nothing' };
  const [facts, data] = splitParts(record.value ?? Buffer.alloc(0), record.headers);
  if (!facts || !data) throw new Error(`an outcome "${name}" carries no data to try again with`);
  const outcome = OutcomeSchema.parse(JSON.parse(facts.toString('utf8')));
  const rest = {
    partition: record.partition,
    position: record.position,
    headers: headersAfter(record.headers, outcome),
    data,
  };
  const place = placeInOrder(webhooks.get(ids.webhookId), ids, record.headers);
  return { kind: 'put', row: { ids: nextIds(ids, outcome), dueAt: dueAt(outcome), ...rest, ...(place && { place }) } };
}

function changeAtEnd(
  { webhookId, deliveryId, run, number, deferrals }: AttemptIds,
  headers: RecordHeaders,
  webhooks: Pick<Webhooks, 'get'>,
): ScheduleChange {
  if (number === 1 && deferrals === 0 && run === 0) return { kind: 'nothing' };
  const subject = webhooks.get(webhookId)?.ordering === 'key' ? subjectKey(headers) : undefined;
  return { kind: 'remove', webhookId, deliveryId, run, ...(subject !== undefined && { subject }) };
}

/** After a call the next number is due; what was only put off keeps its number. */
function nextIds(ids: AttemptIds, outcome: Outcome): AttemptIds {
  if (outcome.outcome === 'attempted') return { ...ids, number: ids.number + 1, deferrals: 0 };
  return { ...ids, deferrals: ids.deferrals + 1 };
}

/**
 * What is parked waits for its webhook: the time that its outcome names is that of the webhook's gate, not one of its own.
 * What was too old to be sent is due at once.
 */
function dueAt(outcome: Outcome): number | null {
  // Only what goes to a webhook's other URL has one.
  if (outcome.outcome === 'deferred' && outcome.nextTarget === undefined) {
    return outcome.reason === 'stale' ? outcome.at : null;
  }
  return outcome.nextAttemptAt ?? outcome.at;
}

/** What the next attempt carries: the event's attributes, and which URL it goes to where the webhook has two. */
function headersAfter(headers: RecordHeaders, { nextTarget }: Outcome): Record<string, string> {
  const kept = eventHeadersOf(headers);
  if (nextTarget !== undefined) kept[HEADER.target] = nextTarget;
  return kept;
}

const OWN_HEADERS: ReadonlySet<string> = new Set([
  HEADER.parts,
  HEADER.outcome,
  HEADER.signedAt,
  HEADER.kind,
  HEADER.schema,
]);

function eventHeadersOf(headers: RecordHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const text = OWN_HEADERS.has(name) ? undefined : headerText(headers, name);
    if (text !== undefined) kept[name] = text;
  }
  return kept;
}

/** The headers of the `requested` record that a row becomes; `webhookVersion` is the one to wait for. */
export function requestHeaders(row: ScheduleRow, webhookVersion: number): Record<string, string> {
  return { ...row.headers, ...attemptHeaders({ ...row.ids, webhookVersion }) };
}
