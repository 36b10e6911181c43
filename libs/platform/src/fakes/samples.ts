import {
  TOPICS,
  pauseKey,
  type Credential,
  type CredentialEvent,
  type Pause,
  type PauseEvent,
  type Webhook,
  type WebhookEvent,
} from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';

export const aWebhook = (changes: Partial<Webhook> = {}): Webhook => ({
  id: 7,
  accountId: 3,
  version: 1,
  callVersion: 1,
  status: 'enabled',
  profile: 'standard',
  resource: 'OutboundCall',
  events: ['Finished'],
  callback: 'https://example.com/hook',
  nonStrictSsl: false,
  singleUse: false,
  createdAt: 1,
  updatedAt: 1,
  ...changes,
});

export const aCredential = (changes: Partial<Credential> = {}): Credential => ({
  id: 11,
  accountId: 3,
  role: 'account',
  version: 1,
  name: 'test',
  username: 'sue',
  verifier: 'hmac-sha256:none',
  enabled: true,
  deleted: false,
  createdAt: 1,
  ...changes,
});

export function webhookRecord(webhook: Webhook, type: WebhookEvent['type'] = 'webhook.changed'): OutgoingRecord {
  return recordOf(TOPICS.webhooks.name, webhook.id, { type, at: 1, by: 'test', webhook } satisfies WebhookEvent);
}

export function credentialRecord(credential: Credential): OutgoingRecord {
  const event: CredentialEvent = { type: 'credential.created', at: 1, by: 'test', credential };
  return recordOf(TOPICS.credentials.name, credential.id, event);
}

export const PAUSE: Pause = { since: 100, by: '1', role: 'platform' };

/** A pause, or without one a resumption. */
export function pauseRecord(state: Pick<PauseEvent, 'accountId' | 'version' | 'pause'>): OutgoingRecord {
  const type = state.pause ? 'deliveries.paused' : 'deliveries.resumed';
  return recordOf(TOPICS.webhooks.name, pauseKey(state.accountId), {
    ...{ type, at: 1, by: '1' },
    ...state,
  } satisfies PauseEvent);
}

const recordOf = (topic: string, id: number | string, event: object): OutgoingRecord => ({
  topic,
  key: String(id),
  value: Buffer.from(JSON.stringify(event)),
  headers: {},
});
