import { HEADER, SCHEMA_VERSION, TOPICS, type TelephonyEvent, type Webhook } from '@switchhook/contracts';
import { attemptHeaders, attributesHeader, deliveryId, outcomeRecord } from '@switchhook/domain';
import type { LogRecord, OutgoingRecord } from '@switchhook/event-log';
import { traceparentOf } from './trace.js';

/** An event, its name, and the record of `events.v1` that it was read from. */
export interface AcceptedEvent {
  readonly event: TelephonyEvent;
  readonly eventKey: string;
  readonly record: LogRecord;
}

const SCHEMA = String(SCHEMA_VERSION);

/**
 * The first attempt of each delivery of the event: one record per receiver, the event's own bytes as the value. What is over
 * the account's rate takes the bulk topic.
 */
export function requestsFor(
  accepted: AcceptedEvent,
  receivers: readonly Webhook[],
  isOverRate: (accountId: number) => boolean,
): OutgoingRecord[] {
  const { event, eventKey, record } = accepted;
  const attributes = attributesHeader(event);
  return receivers.map((webhook) => {
    const id = deliveryId(eventKey, webhook.id);
    const ids = attemptHeaders({
      accountId: event.accountId,
      eventKey,
      deliveryId: id,
      webhookId: webhook.id,
      webhookVersion: webhook.version,
      run: 0,
      number: 1,
      deferrals: 0,
      acceptedAt: record.appendedAtMs,
      origin: originOf(record),
    });
    const headers = {
      ...attributes,
      ...ids,
      [HEADER.kind]: 'request',
      [HEADER.schema]: SCHEMA,
      [HEADER.traceparent]: traceparentOf(event.extensions['traceparent'], eventKey, id),
    };
    const { name: topic } =
      webhook.ordering !== 'key' && isOverRate(event.accountId) ? TOPICS.requestedBulk : TOPICS.requested;
    return { topic, key: String(webhook.id), value: event.data, headers };
  });
}

/** That nobody wanted the event: its end, so that it is seen (architecture.md §2.2). */
export function unmatchedOutcome({ event, eventKey, record }: AcceptedEvent, nowMs: number): OutgoingRecord {
  const headers = {
    ...attributesHeader(event),
    [HEADER.accountId]: String(event.accountId),
    [HEADER.eventKey]: eventKey,
    [HEADER.acceptedAt]: String(record.appendedAtMs),
    [HEADER.origin]: originOf(record),
  };
  return outcomeRecord({ key: eventKey, headers }, { outcome: 'unmatched', at: nowMs });
}

const originOf = ({ partition, position }: LogRecord): string => `${partition}:${position}`;
