import type { Webhook } from '@switchhook/contracts';

/** The webhooks as this service knows them. */
export interface Webhooks {
  get(webhookId: number): Webhook | undefined;
  /** Whether this version of the webhook, or a later one, has arrived. */
  has(webhookId: number, version: number): boolean;
}
