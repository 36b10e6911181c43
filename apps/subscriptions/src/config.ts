import { loadConfig, SettingsSchema } from '@switchhook/platform';

const Schema = SettingsSchema.pick({
  SWITCHHOOK_ADMIN_USER: true,
  SWITCHHOOK_ADMIN_PASSWORD: true,
  SWITCHHOOK_ALLOW_PRIVATE: true,
});

export interface SubscriptionsConfig {
  /** The platform credential as the settings name it; undefined: the one that is stored stays. */
  readonly admin: { readonly username: string; readonly password: string } | undefined;
  /** CIDRs that callbacks may name although they are not public. */
  readonly allowPrivate: readonly string[];
}

/** The settings of this service. Throws `ConfigError`. */
export function readSubscriptionsConfig(env: NodeJS.ProcessEnv): SubscriptionsConfig {
  const {
    SWITCHHOOK_ADMIN_USER: username,
    SWITCHHOOK_ADMIN_PASSWORD: password,
    SWITCHHOOK_ALLOW_PRIVATE: allowPrivate,
  } = loadConfig(Schema, env);
  return { admin: username !== undefined && password !== undefined ? { username, password } : undefined, allowPrivate };
}
