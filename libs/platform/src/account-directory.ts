import { PLATFORM_ACCOUNT } from './actor.js';
import type { CredentialDirectory } from './credential-directory.js';
import type { WebhookDirectory } from './webhook-directory.js';

/** Which accounts exist: those that a webhook or a credential names, and the platform's own. */
export interface AccountDirectory {
  exists(accountId: number): boolean;
  /** Resolves when both directories have reached the ends that their topics have now: absent then is absent. */
  reachEnd(): Promise<void>;
}

export function createAccountDirectory(
  webhooks: Pick<WebhookDirectory, 'hasAccount' | 'reachEnd'>,
  credentials: Pick<CredentialDirectory, 'hasAccount' | 'reachEnd'>,
): AccountDirectory {
  return {
    exists: (accountId) =>
      accountId === PLATFORM_ACCOUNT || webhooks.hasAccount(accountId) || credentials.hasAccount(accountId),
    reachEnd: async () => {
      await Promise.all([webhooks.reachEnd(), credentials.reachEnd()]);
    },
  };
}
