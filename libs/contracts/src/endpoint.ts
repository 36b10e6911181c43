import { z } from 'zod';

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
});
export type EndpointChange = z.infer<typeof EndpointChangeSchema>;
