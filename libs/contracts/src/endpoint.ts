import { z } from 'zod';
import { ATTEMPT_ERRORS } from './delivery.js';

/** A call that spoke against its endpoint; `at` is when it ended, epoch ms. */
export const EndpointFailureSchema = z.object({
  at: z.number().int(),
  statusCode: z.number().int().nullable(),
  error: z.enum(ATTEMPT_ERRORS).nullable(),
});
export type EndpointFailure = z.infer<typeof EndpointFailureSchema>;

/**
 * A change of the circuit breaker of an endpoint, as `endpoints.v1` carries it: gossip between the instances of delivery, of
 * which the newest wins. Half-open is each instance's own: it follows from `retryAt`. Times are epoch milliseconds.
 */
export const EndpointChangeSchema = z.object({
  /** Hash of account, origin, path and TLS profile; also the record's key. */
  endpoint: z.string(),
  accountId: z.number().int(),
  state: z.enum(['open', 'closed']),
  at: z.number().int(),
  /** How often it has opened without closing in between; 0 when closed. */
  openings: z.number().int().min(0),
  /** When an open one lets a trial through; when a closed one closed. */
  retryAt: z.number().int(),
  /** How long from `at` until then, ms, by the writer's clock; absent in older records, and when closed. */
  waitMs: z.number().min(0).optional(),
  /** Since when it is not closed, or closed; absent in older records: since `at`. */
  since: z.number().int().optional(),
  /** What failed last, if it was seen. */
  failure: EndpointFailureSchema.optional(),
  /** The credential that closed it by hand. */
  resetBy: z.number().int().optional(),
});
export type EndpointChange = z.infer<typeof EndpointChangeSchema>;

/** A circuit breaker as `GET /v2/webhooks/{id}/circuit` shows it. Times are epoch milliseconds. */
export const CircuitSchema = z
  .object({
    state: z.enum(['closed', 'open', 'half-open']),
    /** Of an open one: when it opened for the first time without closing in between. Of a closed one: when it closed, if it ever did. */
    since: z.number().int().nullable(),
    /** When an open one lets a call through; null when it is closed, and when half-open: then the next call goes through. */
    nextProbeAt: z.number().int().nullable(),
    /** How often it has opened without closing in between. */
    openings: z.number().int(),
    /** What failed last before it opened, or as its probe. */
    lastFailure: EndpointFailureSchema.nullable(),
  })
  .meta({ id: 'Circuit' });
export type Circuit = z.infer<typeof CircuitSchema>;

/** The breaker of the endpoint that a webhook calls, and that of its fallback; `fallback` is null for a webhook without one. */
export const WebhookCircuitSchema = CircuitSchema.extend({ fallback: CircuitSchema.nullable() }).meta({
  id: 'WebhookCircuit',
});
export type WebhookCircuit = z.infer<typeof WebhookCircuitSchema>;
