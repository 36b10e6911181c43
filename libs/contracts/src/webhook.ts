import { z } from 'zod';
import { PauseSchema } from './pause.js';

/**
 * A secret sealed to the service that needs it (HPKE, RFC 9180; architecture.md §2.6). `keyId` names the recipient key,
 * the rest is base64url. Only the holder of that private key can open it, and only as the field that it was sealed for.
 */
export const SealedSchema = z.object({ keyId: z.string(), encapsulated: z.string(), ciphertext: z.string() });
export type Sealed = z.infer<typeof SealedSchema>;

export const PROFILE_NAMES = ['callfire-v2', 'standard'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

export const RetryPolicySchema = z.object({
  delaysMs: z.array(z.number().int().min(0)).max(50).optional(),
  maxAgeMs: z.number().int().min(1).optional(),
});
export type RetryPolicy = z.infer<typeof RetryPolicySchema>;

/** Calls per second on the average, and how many may come at once after a pause. */
export const RateLimitSchema = z.object({ perSecond: z.number().positive(), burst: z.number().int().min(1) });
export type RateLimit = z.infer<typeof RateLimitSchema>;

/** Most fixed headers of a webhook. */
export const HEADERS_MAX = 20;

/**
 * How calls authenticate to the receiver. `basic-challenge` only after a 401 that asks for it (RFC 7235). What is secret is
 * sealed to delivery, as `auth.password` or `auth.token`.
 */
export const WebhookAuthSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['basic', 'basic-challenge']), username: z.string(), password: SealedSchema }),
  z.object({ type: z.literal('bearer'), token: SealedSchema }),
]);
export type WebhookAuth = z.infer<typeof WebhookAuthSchema>;

/** Whom calls trust and who they are: PEM. The key is sealed to delivery, as `tls.clientKey`. */
export const WebhookTlsSchema = z.object({
  /** Trusted instead of the public certificate authorities. */
  caCertificates: z.string().optional(),
  /** The certificate, and those between it and its authority. */
  clientCertificate: z.string().optional(),
  clientKey: SealedSchema.optional(),
});
export type WebhookTls = z.infer<typeof WebhookTlsSchema>;

/** `spent`: a singleUse webhook whose event came; it matches nothing more but still signs, until its delivery has ended. */
export const WEBHOOK_STATUSES = ['enabled', 'disabled', 'spent', 'expired', 'deleted'] as const;

export const ORDERINGS = ['none', 'key'] as const;
export type Ordering = (typeof ORDERINGS)[number];

/** The whole state of a webhook as services know it. Times are epoch milliseconds. */
export const WebhookSchema = z.object({
  id: z.number().int(),
  accountId: z.number().int(),
  /** Rises by one with each event of the webhook. */
  version: z.number().int().min(1),
  /** The version that last changed what a call looks like: URL, headers, credentials, keys, profile or fields. */
  callVersion: z.number().int().min(1),
  status: z.enum(WEBHOOK_STATUSES),
  profile: z.enum(PROFILE_NAMES),
  name: z.string().optional(),
  resource: z.string(),
  events: z.array(z.string()).min(1),
  callback: z.string(),
  /** Asked when the callback fails, as the profile says. */
  fallbackCallback: z.string().optional(),
  /** Sealed to signing; absent when calls are not signed. */
  secret: SealedSchema.optional(),
  auth: WebhookAuthSchema.optional(),
  /** Fixed headers as the customer spelled their names; each value is sealed to delivery, as `headers.<name in lower case>`. */
  headers: z.record(z.string(), SealedSchema).optional(),
  tls: WebhookTlsSchema.optional(),
  /** Selection of the payload, CallFire's `fields` syntax. */
  fields: z.string().optional(),
  nonStrictSsl: z.boolean(),
  singleUse: z.boolean(),
  expiresAt: z.number().int().optional(),
  timeoutMs: z.number().int().optional(),
  retry: RetryPolicySchema.optional(),
  concurrency: z.number().int().optional(),
  rateLimit: RateLimitSchema.optional(),
  /** `key`: at most one call at a time per subject, in order; a later one waits for the end of the earlier one. */
  ordering: z.enum(ORDERINGS).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  /** Its deliveries are held, whatever else holds them; absent: they are not. */
  pause: PauseSchema.optional(),
  /** Set only by ourselves for the receiver of the sample event: this one callback may be a loopback address. */
  allowLoopback: z.boolean().optional(),
  createdAt: z.number().int(),
  updatedAt: z.number().int(),
  /** When it was last enabled again; absent when it never was. What failed before says nothing about it any more. */
  enabledAt: z.number().int().optional(),
});
export type Webhook = z.infer<typeof WebhookSchema>;

export const WEBHOOK_EVENT_TYPES = [
  'webhook.created',
  'webhook.changed',
  'webhook.disabled',
  'webhook.paused',
  'webhook.resumed',
  'webhook.spent',
  'webhook.expired',
  'webhook.deleted',
] as const;

/** Why we disabled a webhook: its endpoint answered 410 Gone, or had no success for too long. */
export const DISABLE_REASONS = ['gone', 'failing'] as const;
export type DisableReason = (typeof DISABLE_REASONS)[number];

/** What `webhooks.v1` carries, and what the event store keeps: a fact, and the full state that it led to. */
export const WebhookEventSchema = z.object({
  type: z.enum(WEBHOOK_EVENT_TYPES),
  at: z.number().int(),
  /** Who did it: a credential id, or `system` with the cause. */
  by: z.string(),
  /** For a fact that follows from another: the id of what caused it, which makes it idempotent. */
  cause: z.string().optional(),
  /** Of `webhook.disabled`. */
  reason: z.enum(DISABLE_REASONS).optional(),
  webhook: WebhookSchema,
});
export type WebhookEvent = z.infer<typeof WebhookEventSchema>;
