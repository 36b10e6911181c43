import {
  DeliveriesQuerySchema,
  EventsQuerySchema,
  WebhookDeliveriesQuerySchema,
  type DeliveryPage,
  type DeliveryWithAttempts,
  type EventPage,
} from '@switchhook/contracts';
import { HttpFault, validate, type Actor } from '@switchhook/platform';
import type { DataSource } from 'typeorm';
import { explained, type ExplainedDeps } from './explained.js';
import { findDeliveries, readDelivery, type Explain } from './find-deliveries.js';
import { findEvents } from './find-events.js';

export interface DeliveryLogDeps extends ExplainedDeps {
  readonly database: DataSource;
}

/** What the delivery log answers. `query` is as it came; a fault in it is a 400 that names the parameter. */
export interface DeliveryLog {
  search(actor: Actor, query: unknown): Promise<DeliveryPage>;
  /** Throws a 404 for a webhook that the account does not have and never had. */
  searchOfWebhook(actor: Actor, webhookId: string, query: unknown): Promise<DeliveryPage>;
  /** Throws a 404 for a delivery that the account does not have. */
  read(actor: Actor, deliveryId: string): Promise<DeliveryWithAttempts>;
  searchEvents(actor: Actor, query: unknown): Promise<EventPage>;
}

/** The delivery log over the views. Everything is bound to the account that the actor acts for (architecture.md §2.12). */
export function deliveryLog(deps: DeliveryLogDeps): DeliveryLog {
  const { database, webhookOf } = deps;
  const explain: Explain = (delivery) => explained(deps, delivery);
  return {
    search: async ({ accountId }, query) =>
      findDeliveries(database, explain, accountId, validate(DeliveriesQuerySchema, query)),
    searchOfWebhook: async ({ accountId }, id, query) => {
      const webhookId = /^\d{1,16}$/.test(id) ? Number(id) : Number.NaN;
      if (webhookOf(webhookId)?.accountId !== accountId) throw new HttpFault('unknownId', `There is no webhook ${id}`);
      return findDeliveries(database, explain, accountId, {
        ...validate(WebhookDeliveriesQuerySchema, query),
        webhookId,
      });
    },
    read: async ({ accountId }, id) => {
      const delivery = await readDelivery(database, explain, accountId, id);
      if (!delivery) throw new HttpFault('unknownId', `There is no delivery ${id}`);
      return delivery;
    },
    searchEvents: async ({ accountId, anyAccount }, query) =>
      findEvents(database, { accountId, withoutAccount: anyAccount }, validate(EventsQuerySchema, query)),
  };
}
