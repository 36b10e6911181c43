import { z } from 'zod';
import { ATTEMPT_ERRORS } from './delivery.js';
import { LIMITS } from './limits.js';

/** Answers and query parameters of the delivery log (interfaces.md, "Events in and deliveries out"). Times are epoch ms. */
export const DELIVERY_STATUSES = [
  'pending',
  'deferred',
  'succeeded',
  'exhausted',
  'expired',
  'cancelled',
  'rejected',
] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export const EVENT_STATUSES = ['accepted', 'unmatched', 'rejected'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

export const DeliverySchema = z
  .object({
    id: z.uuid(),
    eventId: z.string().nullable(),
    source: z.string().nullable(),
    eventType: z.string().nullable(),
    subject: z.string().nullable(),
    accountId: z.number().int(),
    webhookId: z.number().int(),
    status: z.enum(DELIVERY_STATUSES),
    /** Calls made, in all runs. */
    attemptCount: z.number().int(),
    /** When the event was accepted. */
    createdAt: z.number().int(),
    nextAttemptAt: z.number().int().nullable(),
    finishedAt: z.number().int().nullable(),
    reason: z.string().nullable(),
    /** For people: why it waits, since when and until when; null for what has ended or is on its way. */
    explanation: z.string().nullable(),
  })
  .meta({ id: 'Delivery' });
export type Delivery = z.infer<typeof DeliverySchema>;

export const LoggedAttemptSchema = z
  .object({
    run: z.number().int(),
    number: z.number().int(),
    startedAt: z.number().int(),
    durationMs: z.number(),
    url: z.string(),
    /** Which of the webhook's URLs that was: its callback, or its fallback. */
    target: z.enum(['primary', 'fallback']),
    statusCode: z.number().int().nullable(),
    error: z.enum(ATTEMPT_ERRORS).nullable(),
    responseBody: z.string().nullable(),
    signingKeyIds: z.array(z.string()),
    traceId: z.string(),
  })
  .meta({ id: 'Attempt' });
export type LoggedAttempt = z.infer<typeof LoggedAttemptSchema>;

export const DeliveryWithAttemptsSchema = DeliverySchema.extend({ attempts: z.array(LoggedAttemptSchema) }).meta({
  id: 'DeliveryWithAttempts',
});
export type DeliveryWithAttempts = z.infer<typeof DeliveryWithAttemptsSchema>;

export const DeliveryPageSchema = z
  .object({ items: z.array(DeliverySchema), nextCursor: z.string().nullable() })
  .meta({ id: 'DeliveryPage' });
export type DeliveryPage = z.infer<typeof DeliveryPageSchema>;

/** Of a rejected event, what could not be read is null. */
export const LoggedEventSchema = z
  .object({
    id: z.string().nullable(),
    source: z.string().nullable(),
    type: z.string().nullable(),
    subject: z.string().nullable(),
    accountId: z.number().int().nullable(),
    time: z.number().int().nullable(),
    acceptedAt: z.number().int(),
    status: z.enum(EVENT_STATUSES),
    reason: z.string().nullable(),
    deliveryIds: z.array(z.uuid()),
  })
  .meta({ id: 'LoggedEvent' });
export type LoggedEvent = z.infer<typeof LoggedEventSchema>;

export const EventPageSchema = z
  .object({ items: z.array(LoggedEventSchema), nextCursor: z.string().nullable() })
  .meta({ id: 'EventPage' });
export type EventPage = z.infer<typeof EventPageSchema>;

const once = z.string({ error: 'must be given once' });

const text = once
  .min(1, { error: 'must not be empty' })
  .max(LIMITS.attributeChars, { error: `must have at most ${LIMITS.attributeChars} characters` })
  .refine((given) => !given.includes('\0'), { error: 'must not hold U+0000' });

const wholeNumber = (min: number, max: number, words: string) =>
  once
    .refine((given) => /^\d{1,16}$/.test(given) && Number(given) >= min && Number(given) <= max, { error: words })
    .transform(Number);

const epochMs = wholeNumber(0, Number.MAX_SAFE_INTEGER, 'must be a time in milliseconds since 1970');

/** A parameter that may repeat; at least one value. */
const anyOf = <const Name extends string>(names: readonly Name[]) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [...new Set(Array.isArray(given) ? given : [given])])
    .refine((given): given is Name[] => given.every((each) => (names as readonly string[]).includes(each)), {
      error: `must be one of ${names.join(', ')}`,
    });

const paging = {
  /** Inclusive. */
  from: epochMs.optional(),
  /** Exclusive. */
  to: epochMs.optional(),
  limit: wholeNumber(1, 500, 'must be a whole number from 1 to 500').default(50),
  cursor: text.optional(),
};

/** `source` narrows a search by `eventId` and means nothing alone: its producers would be searched through. */
const sourceNeedsEventId = {
  check: (query: { source?: string; eventId?: string }) => query.source === undefined || query.eventId !== undefined,
  params: { path: ['source'], error: 'can only be given together with eventId' },
};

const deliveriesOfWebhook = z.strictObject({
  eventId: text.optional(),
  source: text.optional(),
  eventType: text.optional(),
  subject: text.optional(),
  status: anyOf(DELIVERY_STATUSES).optional(),
  ...paging,
});

/** `GET /v2/webhooks/{id}/deliveries`. */
export const WebhookDeliveriesQuerySchema = deliveriesOfWebhook.refine(
  sourceNeedsEventId.check,
  sourceNeedsEventId.params,
);

/** `GET /v2/deliveries`. */
export const DeliveriesQuerySchema = deliveriesOfWebhook
  .extend({ webhookId: wholeNumber(0, Number.MAX_SAFE_INTEGER, 'must be the id of a webhook').optional() })
  .refine(sourceNeedsEventId.check, sourceNeedsEventId.params);
export type DeliveriesQuery = z.output<typeof DeliveriesQuerySchema>;

/** `GET /v2/events`. */
export const EventsQuerySchema = z.strictObject({
  eventId: text.optional(),
  source: text.optional(),
  type: text.optional(),
  subject: text.optional(),
  status: anyOf(EVENT_STATUSES).optional(),
  ...paging,
});
export type EventsQuery = z.output<typeof EventsQuerySchema>;
