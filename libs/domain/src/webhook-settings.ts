import type { ProfileName, RetryPolicy, Webhook } from '@switchhook/contracts';

/** What a customer decides about a webhook, the secret apart: that one travels sealed. */
export interface WebhookSettings {
  readonly profile: ProfileName;
  readonly name?: string;
  readonly resource: string;
  readonly events: string[];
  readonly callback: string;
  readonly enabled: boolean;
  readonly fields?: string;
  readonly nonStrictSsl: boolean;
  readonly singleUse: boolean;
  readonly expiresAt?: number;
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  readonly concurrency?: number;
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

const OPTIONAL = ['name', 'fields', 'expiresAt', 'timeoutMs', 'retry', 'concurrency', 'labels'] as const;
type OptionalSettings = Pick<Webhook, (typeof OPTIONAL)[number]>;
type AppliedSettings = Omit<WebhookSettings, 'enabled'>;

/** `current` (nothing for a new webhook) with `changes` applied. `resource`, `events` and `callback` must come from one of them. */
export function applyChanges(current: Webhook | undefined, changes: WebhookChanges): AppliedSettings {
  const optional: Partial<Record<keyof OptionalSettings, unknown>> = {};
  for (const name of OPTIONAL) {
    const value = changes[name] === undefined ? current?.[name] : changes[name];
    if (value !== undefined && value !== null) optional[name] = value;
  }
  return {
    ...(optional as OptionalSettings),
    profile: pick(changes.profile, current?.profile, WEBHOOK_DEFAULTS.profile),
    resource: required('resource', changes.resource ?? current?.resource),
    events: required('events', changes.events ?? current?.events),
    callback: required('callback', changes.callback ?? current?.callback),
    nonStrictSsl: pick(changes.nonStrictSsl, current?.nonStrictSsl, WEBHOOK_DEFAULTS.nonStrictSsl),
    singleUse: pick(changes.singleUse, current?.singleUse, WEBHOOK_DEFAULTS.singleUse),
  };
}

const pick = <T>(change: T | null | undefined, current: T | undefined, byDefault: T): T =>
  change === undefined ? (current ?? byDefault) : (change ?? byDefault);

function required<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new Error(`A new webhook needs ${name}: check the input before the command`);
  return value;
}
