import type {
  Ordering,
  ProfileName,
  RateLimit,
  RetryPolicy,
  Sealed,
  Webhook,
  WebhookAuth,
  WebhookTls,
} from '@switchhook/contracts';

/** What a customer decides about a webhook, the signing secret apart; what else is secret is sealed already. */
export interface WebhookSettings {
  readonly profile: ProfileName;
  readonly name?: string;
  readonly resource: string;
  readonly events: string[];
  readonly callback: string;
  readonly fallbackCallback?: string;
  readonly enabled: boolean;
  readonly auth?: WebhookAuth;
  readonly headers?: Record<string, Sealed>;
  readonly tls?: WebhookTls;
  readonly fields?: string;
  readonly nonStrictSsl: boolean;
  readonly singleUse: boolean;
  readonly expiresAt?: number;
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  readonly concurrency?: number;
  readonly rateLimit?: RateLimit;
  readonly ordering?: Ordering;
  readonly labels?: Record<string, string>;
}

/** Absent members stay as they are; null clears, which for a setting that must have a value means its default. */
export type WebhookChanges = { readonly [Name in keyof WebhookSettings]?: WebhookSettings[Name] | null };

export const WEBHOOK_DEFAULTS = {
  profile: 'callfire-v2',
  enabled: true,
  nonStrictSsl: false,
  singleUse: false,
} as const satisfies Partial<WebhookSettings>;

const OPTIONAL = [
  'name',
  'auth',
  'headers',
  'tls',
  'fallbackCallback',
  'fields',
  'expiresAt',
  'timeoutMs',
  'retry',
  'concurrency',
  'rateLimit',
  'ordering',
  'labels',
] as const;
type OptionalSettings = Pick<Webhook, (typeof OPTIONAL)[number]>;
type AppliedSettings = Omit<WebhookSettings, 'enabled'>;

/** The webhook without the settings that may be absent. */
export function withoutOptional(webhook: Webhook): Omit<Webhook, keyof OptionalSettings> {
  const names: readonly string[] = OPTIONAL;
  return Object.fromEntries(Object.entries(webhook).filter(([name]) => !names.includes(name))) as Omit<
    Webhook,
    keyof OptionalSettings
  >;
}

/** `current` (nothing for a new webhook) with `changes` applied. `resource`, `events` and `callback` must come from one of them. */
export function applyChanges(current: Webhook | undefined, changes: WebhookChanges): AppliedSettings {
  const settled = <Name extends keyof AppliedSettings>(name: Name): AppliedSettings[Name] | undefined =>
    changes[name] === undefined ? current?.[name] : (changes[name] ?? undefined);
  const required = <Name extends keyof AppliedSettings>(name: Name): NonNullable<AppliedSettings[Name]> => {
    const value = settled(name);
    if (value === undefined || value === null)
      throw new Error(`A webhook needs ${name}: check the input before the command`);
    return value;
  };
  const optional = OPTIONAL.map((name) => [name, settled(name)] as const).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(optional) as OptionalSettings),
    profile: settled('profile') ?? WEBHOOK_DEFAULTS.profile,
    resource: required('resource'),
    events: required('events'),
    callback: required('callback'),
    nonStrictSsl: settled('nonStrictSsl') ?? WEBHOOK_DEFAULTS.nonStrictSsl,
    singleUse: settled('singleUse') ?? WEBHOOK_DEFAULTS.singleUse,
  };
}
