import { SettingsSchema, loadConfig } from '@switchhook/platform';

export interface DeliveryConfig {
  /** CIDRs that webhooks may reach although they are not public. */
  readonly allowedCidrs: readonly string[];
  /** Through which calls go; straight to their receivers unless set. */
  readonly proxy: URL | undefined;
  /** From which connections are made; any of this machine's unless set. */
  readonly localAddress: string | undefined;
  /** Asked for host names; this machine's own unless set. */
  readonly nameServers: readonly string[] | undefined;
  /** Accounts that count more than others, by id. */
  readonly accountWeights: ReadonlyMap<number, number>;
}

const Schema = SettingsSchema.pick({
  SWITCHHOOK_ALLOW_PRIVATE: true,
  SWITCHHOOK_OUTBOUND_PROXY: true,
  SWITCHHOOK_OUTBOUND_ADDRESS: true,
  SWITCHHOOK_DNS_SERVERS: true,
  SWITCHHOOK_ACCOUNT_WEIGHTS: true,
});

/** What delivery reads from the environment beyond what every service reads. Throws one error that lists every fault. */
export function readDeliveryConfig(env: NodeJS.ProcessEnv): DeliveryConfig {
  const settings = loadConfig(Schema, env);
  const { SWITCHHOOK_OUTBOUND_PROXY: proxy, SWITCHHOOK_OUTBOUND_ADDRESS: localAddress } = settings;
  return {
    allowedCidrs: settings.SWITCHHOOK_ALLOW_PRIVATE,
    proxy: proxy === undefined ? undefined : new URL(proxy),
    localAddress,
    nameServers: settings.SWITCHHOOK_DNS_SERVERS,
    accountWeights: settings.SWITCHHOOK_ACCOUNT_WEIGHTS,
  };
}
