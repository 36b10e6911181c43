import { z } from 'zod';
import { DISABLE_REASONS } from './webhook.js';

/** The source of the events that we say ourselves. */
export const NOTICE_SOURCE = 'switchhook';

/** Whether an event of this type is one about webhooks: such events never cause another (correctness.md §3). */
export const isAboutWebhooks = (eventType: string): boolean => eventType.startsWith('Webhook.');

/** The data of `Webhook.Disabled`. Times are epoch milliseconds. */
export const WebhookDisabledSchema = z
  .object({
    webhookId: z.number().int(),
    webhookName: z.string().optional(),
    reason: z.enum(DISABLE_REASONS),
    /** When the outcome was logged that disabled it. */
    disabledAt: z.number().int(),
    /** Of `failing`: the first failure since the last success. */
    failingSince: z.number().int().optional(),
    /** The delivery whose call disabled it. */
    deliveryId: z.string(),
    /** How often it was disabled since this was last said: 1 unless it was enabled again within the minute. */
    count: z.number().int().min(1),
  })
  .meta({ id: 'WebhookDisabled' });
export type WebhookDisabled = z.infer<typeof WebhookDisabledSchema>;

/** The data of `Webhook.Exhausted`: deliveries that have ended without success. Times are epoch milliseconds. */
export const WebhookExhaustedSchema = z
  .object({
    webhookId: z.number().int(),
    webhookName: z.string().optional(),
    /** How many deliveries have ended so since this was last said. */
    count: z.number().int().min(1),
    /** When the first and the last of them ended. */
    from: z.number().int(),
    to: z.number().int(),
    /** The last of them, and its event. */
    deliveryId: z.string(),
    status: z.enum(['exhausted', 'expired']),
    /** As in the delivery log: `tries`, `max-age`, `status-<code>`, `too-large`, `address-refused`, … */
    reason: z.string(),
    eventId: z.string(),
    eventSource: z.string(),
    eventType: z.string(),
  })
  .meta({ id: 'WebhookExhausted' });
export type WebhookExhausted = z.infer<typeof WebhookExhaustedSchema>;
