import { z } from 'zod';

/** Since when (epoch ms) deliveries are held, by which credential, and whether that was the platform's: then only it may lift it. */
export const PauseSchema = z.object({
  since: z.number().int(),
  by: z.string(),
  role: z.enum(['platform', 'account']),
});
export type Pause = z.infer<typeof PauseSchema>;

/**
 * What `webhooks.v1` carries about the deliveries of all accounts, or of one: a fact, and the state that it led to. The pause of
 * a single webhook is part of the webhook's own state.
 */
export const PauseEventSchema = z.object({
  type: z.enum(['deliveries.paused', 'deliveries.resumed']),
  at: z.number().int(),
  /** Who did it: a credential id. */
  by: z.string(),
  /** Absent: all accounts. */
  accountId: z.number().int().optional(),
  /** Rises by one with each event of the same scope. */
  version: z.number().int().min(1),
  /** Absent: they are not held. */
  pause: PauseSchema.optional(),
});
export type PauseEvent = z.infer<typeof PauseEventSchema>;

const PREFIX = 'pause:';

/** The key of its record on `webhooks.v1`, where webhooks have their id. */
export const pauseKey = (accountId: number | undefined): string => `${PREFIX}${accountId ?? 'all'}`;

/** Whether a record of `webhooks.v1` with this key is about a pause, not about a webhook. */
export const isPauseKey = (key: Buffer | string | null): boolean => key?.toString('utf8').startsWith(PREFIX) === true;

const id = z.int({ error: 'must be a whole number' }).min(0, 'must not be negative');

/** The body of `POST /v2/platform/pause` and `/resume`: a webhook, an account, or neither: all that the credential acts for. */
export const PauseRequestSchema = z
  .strictObject({ accountId: id.optional(), webhookId: id.optional() })
  .refine(({ accountId, webhookId }) => accountId === undefined || webhookId === undefined, {
    path: ['webhookId'],
    error: 'cannot be given together with accountId',
  });
export type PauseRequest = z.infer<typeof PauseRequestSchema>;

export const PAUSE_SCOPES = ['all', 'account', 'webhook'] as const;
export type PauseScope = (typeof PAUSE_SCOPES)[number];

/** What the API answers about one scope. `since`, `by` and `role` only while it is paused. */
export const PausedScopeSchema = PauseSchema.partial().extend({
  scope: z.enum(PAUSE_SCOPES),
  accountId: z.number().int().optional(),
  webhookId: z.number().int().optional(),
  paused: z.boolean(),
});
export type PausedScope = z.infer<typeof PausedScopeSchema>;
