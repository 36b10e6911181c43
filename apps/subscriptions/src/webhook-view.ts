import type { Webhook, WebhookTls } from '@switchhook/contracts';

/** A webhook as the API shows it: CallFire's members, and ours. Secrets are write-only. */
export function webhookView(webhook: Webhook): Record<string, unknown> {
  const { id, name, resource, events, callback, fallbackCallback, fields, nonStrictSsl, singleUse, expiresAt } =
    webhook;
  const { profile, timeoutMs, retry, concurrency, rateLimit, ordering, labels, createdAt, updatedAt } = webhook;
  return {
    id,
    name,
    resource,
    events,
    callback,
    fallbackCallback,
    enabled: webhook.status === 'enabled',
    fields,
    nonStrictSsl,
    singleUse,
    expiresAt,
    profile,
    hasSecret: webhook.secret !== undefined,
    hasAuth: webhook.auth !== undefined,
    headers: webhook.headers && Object.keys(webhook.headers),
    tls: webhook.tls && tlsView(webhook.tls),
    timeoutMs,
    retry,
    concurrency,
    rateLimit,
    ordering,
    labels,
    pausedSince: webhook.pause?.since,
    createdAt,
    updatedAt,
  };
}

const tlsView = ({ clientKey, ...texts }: WebhookTls) => ({ ...texts, hasClientKey: clientKey !== undefined });
