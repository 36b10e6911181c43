import { z } from 'zod';

/** Which attempt of which delivery a record is about; all of it travels in one header. */
export interface AttemptIds {
  readonly accountId: number;
  readonly eventKey: string;
  readonly deliveryId: string;
  readonly webhookId: number;
  /** The version that ingestion matched; on a retry, the one known to the releaser. Readers wait until they know it. */
  readonly webhookVersion: number;
  /** 0 is the event's own run; each replay or manual retry is another. */
  readonly run: number;
  /** From 1. */
  readonly number: number;
  /** How often this attempt was parked or sent back. */
  readonly deferrals: number;
  /** Epoch ms. */
  readonly acceptedAt: number;
  /** `<partition>:<position>` of the event on `events.v1`. */
  readonly origin: string;
}

/** The HTTP call that signing prepared. The body is the part of the value that follows this JSON. */
export const PreparedCallSchema = z.object({
  method: z.literal('POST'),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  signingKeyIds: z.array(z.string()),
});
export type PreparedCall = z.infer<typeof PreparedCallSchema>;

export const ATTEMPT_ERRORS = [
  'timeout',
  'refused',
  'reset',
  'dns',
  'tls',
  'address-refused',
  'protocol',
  'redirect',
  'response-too-large',
] as const;
export type AttemptError = (typeof ATTEMPT_ERRORS)[number];

/** One finished call. Times are epoch milliseconds. */
export const AttemptSchema = z.object({
  run: z.number().int(),
  number: z.number().int(),
  startedAt: z.number().int(),
  durationMs: z.number(),
  url: z.string(),
  statusCode: z.number().int().nullable(),
  error: z.enum(ATTEMPT_ERRORS).nullable(),
  /** At most 1 KiB of it, as text. */
  responseBody: z.string().nullable(),
  /** SHA-256 of the body that was sent, base64url. */
  bodyHash: z.string(),
  signingKeyIds: z.array(z.string()),
  traceId: z.string(),
  /** It went to the webhook's fallback, not to its callback. */
  target: z.literal('fallback').optional(),
});
export type Attempt = z.infer<typeof AttemptSchema>;

export const OUTCOMES = [
  'attempted',
  'deferred',
  'succeeded',
  'exhausted',
  'expired',
  'cancelled',
  'unmatched',
  'rejected',
] as const;
export type OutcomeName = (typeof OUTCOMES)[number];

/** Outcomes after which a run does nothing more. */
export const TERMINAL_OUTCOMES: ReadonlySet<OutcomeName> = new Set([
  'succeeded',
  'exhausted',
  'expired',
  'cancelled',
  'unmatched',
  'rejected',
]);

/**
 * What became of an attempt, an event or a delivery: the first part of an outcome record's value. The terminal outcomes
 * of a call (`succeeded`, `exhausted`) carry the attempt that led to them, so that one call is one record.
 * `attempted` (a retry follows) and `deferred` have a second part: the data of the event, to make the attempt again.
 */
export const OutcomeSchema = z.object({
  outcome: z.enum(OUTCOMES),
  at: z.number().int(),
  attempt: AttemptSchema.optional(),
  /** For `attempted` and `deferred`: epoch ms. */
  nextAttemptAt: z.number().int().optional(),
  /** Of a webhook with a fallback: which URL comes next, as in the header `switchhook-target`; absent: as before. */
  nextTarget: z.string().optional(),
  /** Of `deferred`: since when its reason holds, epoch ms. */
  since: z.number().int().optional(),
  /** `tries`, `max-age`, `status-<code>`, `too-large`, `lane-full`, … (interfaces.md, deliveries). */
  reason: z.string().optional(),
});
export type Outcome = z.infer<typeof OutcomeSchema>;
