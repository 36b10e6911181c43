import type { TelephonyEvent, Webhook } from '@switchhook/contracts';

/**
 * Whether `webhook` wants an event that was accepted at `acceptedAtMs` (epoch ms). A disabled webhook still matches: its
 * delivery ends as `cancelled`, which can be replayed. A spent, expired or deleted one does not (correctness.md §3).
 */
export function matches(
  webhook: Webhook,
  event: Pick<TelephonyEvent, 'accountId' | 'type'>,
  acceptedAtMs: number,
): boolean {
  if (webhook.accountId !== event.accountId) return false;
  if (webhook.status !== 'enabled' && webhook.status !== 'disabled') return false;
  if (webhook.expiresAt !== undefined && acceptedAtMs >= webhook.expiresAt) return false;
  return wantsType(webhook, event.type);
}

function wantsType({ resource, events }: Webhook, type: string): boolean {
  return (
    type.length > resource.length &&
    type.startsWith(resource) &&
    type[resource.length] === '.' &&
    events.includes(type.slice(resource.length + 1))
  );
}
