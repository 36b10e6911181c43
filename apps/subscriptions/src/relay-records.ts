import {
  HEADER,
  SCHEMA_VERSION,
  TOPICS,
  pauseKey,
  type CredentialEvent,
  type PauseEvent,
  type WebhookEvent,
} from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';
import type { StoredEvent } from '@switchhook/event-store';

/**
 * The record that tells the other services about a stored event: all services keep directories of what these topics say.
 * Throws for an event of a kind that nobody declared.
 */
export function recordOf({ type, data }: StoredEvent): OutgoingRecord {
  if (type.startsWith('webhook.')) return webhookRecord(data as WebhookEvent);
  if (type.startsWith('credential.')) return credentialRecord(data as CredentialEvent);
  if (type.startsWith('deliveries.')) return pauseRecord(data as PauseEvent);
  throw new Error(`No topic carries events called ${type}`);
}

function webhookRecord(event: WebhookEvent): OutgoingRecord {
  const { id, accountId, version } = event.webhook;
  return {
    topic: TOPICS.webhooks.name,
    key: String(id),
    value: Buffer.from(JSON.stringify(event)),
    headers: {
      [HEADER.schema]: String(SCHEMA_VERSION),
      [HEADER.accountId]: String(accountId),
      [HEADER.webhookId]: String(id),
      [HEADER.webhookVersion]: String(version),
    },
  };
}

const credentialRecord = (event: CredentialEvent): OutgoingRecord =>
  recordOfAccount(TOPICS.credentials.name, String(event.credential.id), event, event.credential.accountId);

/** On the topic of webhooks, so that whoever follows them knows of it, too. */
const pauseRecord = (event: PauseEvent): OutgoingRecord =>
  recordOfAccount(TOPICS.webhooks.name, pauseKey(event.accountId), event, event.accountId);

/** Without `accountId`: the platform's, which belongs to no account. */
const recordOfAccount = (topic: string, key: string, event: object, accountId: number | undefined): OutgoingRecord => ({
  topic,
  key,
  value: Buffer.from(JSON.stringify(event)),
  headers: {
    [HEADER.schema]: String(SCHEMA_VERSION),
    ...(accountId !== undefined && { [HEADER.accountId]: String(accountId) }),
  },
});
