import { z } from 'zod';

/**
 * An API credential as services that answer HTTP know it. The password itself is nowhere: `verifier` is
 * `hmac-sha256:<base64url>` keyed with the `credentials` key for generated passwords (≥ 128 random bits), or
 * `scrypt:<N>:<r>:<p>:<salt>:<hash>` for the one that an operator chose (correctness.md §6).
 */
export const CredentialSchema = z.object({
  id: z.number().int(),
  /** Undefined for the platform's, which acts for any account. */
  accountId: z.number().int().optional(),
  role: z.enum(['platform', 'account']),
  version: z.number().int().min(1),
  name: z.string(),
  username: z.string(),
  verifier: z.string(),
  enabled: z.boolean(),
  deleted: z.boolean(),
  expiresAt: z.number().int().optional(),
  createdAt: z.number().int(),
});
export type Credential = z.infer<typeof CredentialSchema>;

export const CredentialEventSchema = z.object({
  type: z.enum([
    'credential.created',
    'credential.enabled',
    'credential.disabled',
    'credential.replaced',
    'credential.deleted',
  ]),
  at: z.number().int(),
  by: z.string(),
  credential: CredentialSchema,
});
export type CredentialEvent = z.infer<typeof CredentialEventSchema>;
