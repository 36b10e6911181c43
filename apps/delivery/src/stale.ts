import { HEADER, SCHEMA_VERSION, TOPICS, headerText, type Webhook } from '@switchhook/contracts';
import { attemptHeaders } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';
import type { SignedDelivery } from './signed-delivery.js';

/** Receivers refuse timestamps older than five minutes (Standard Webhooks), and "refused" would end the delivery. */
const SIGNED_WITHIN_MS = 120_000;

/**
 * Whether the call must not go out as it was signed: too long ago, or under a version whose URL, headers, credentials or
 * keys have changed since (a revoked key must not go out). correctness.md §3.
 */
export function isStale({ record, ids }: SignedDelivery, webhook: Webhook, nowMs: number): boolean {
  const signedAt = Number(headerText(record.headers, HEADER.signedAt));
  return !(nowMs - signedAt <= SIGNED_WITHIN_MS) || ids.webhookVersion < webhook.callVersion;
}

/** The same attempt, asked for again under the version that is known here: nothing is counted. */
export function requestedAgain({ record, ids, data }: SignedDelivery, webhook: Webhook): OutgoingRecord {
  const { [HEADER.signedAt]: _signedAt, [HEADER.parts]: _parts, ...headers } = record.headers;
  return {
    topic: TOPICS.requested.name,
    key: record.key,
    value: data,
    headers: {
      ...headers,
      ...attemptHeaders({ ...ids, webhookVersion: webhook.version }),
      [HEADER.kind]: 'request',
      [HEADER.schema]: String(SCHEMA_VERSION),
    },
  };
}
