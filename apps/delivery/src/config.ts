import { SettingsSchema, loadConfig } from '@switchhook/platform';

export interface DeliveryConfig {
  /** CIDRs that webhooks may reach although they are not public. */
  readonly allowedCidrs: readonly string[];
}

/** What delivery reads from the environment beyond what every service reads. Throws one error that lists every fault. */
export function readDeliveryConfig(env: NodeJS.ProcessEnv): DeliveryConfig {
  const settings = loadConfig(SettingsSchema.pick({ SWITCHHOOK_ALLOW_PRIVATE: true }), env);
  return { allowedCidrs: settings.SWITCHHOOK_ALLOW_PRIVATE };
}
