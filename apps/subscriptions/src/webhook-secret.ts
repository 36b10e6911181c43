import type { ProfileName, Sealed } from '@switchhook/contracts';
import { WEBHOOK_DEFAULTS, profileOf } from '@switchhook/domain';
import { seal, type KeyRing } from '@switchhook/platform';

export interface WebhookSecretDeps {
  readonly keyRing: KeyRing;
  readonly randomBytes: (size: number) => Buffer;
}

/** A secret for a webhook of this profile (null and undefined: the default one); undefined where its calls need none. */
export function newSecret(
  { randomBytes }: Pick<WebhookSecretDeps, 'randomBytes'>,
  name: ProfileName | null | undefined,
): string | undefined {
  const profile = profileOf(name ?? WEBHOOK_DEFAULTS.profile);
  const size = profile.rules.generatedSecretBytes;
  return size > 0 ? profile.keyToSecret(randomBytes(size)) : undefined;
}

/** The secret sealed to signing: done before it reaches anything that is kept. */
export const sealedSecret = (
  { keyRing }: Pick<WebhookSecretDeps, 'keyRing'>,
  webhook: { readonly accountId: number; readonly webhookId: number },
  secret: string,
): Promise<Sealed> => seal(keyRing, 'signing', { ...webhook, field: 'secret' }, secret);
