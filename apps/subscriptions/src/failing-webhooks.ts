import type { Webhook } from '@switchhook/contracts';
import { endpointKey, oldestWaitingAt, retryPolicyOf, tlsProfile } from '@switchhook/domain';
import type { EndpointDirectory, OpenEndpoint, WebhookDirectory } from '@switchhook/platform';
import type { WebhookHealth } from './health-store.js';

/** How a webhook fails, as `GET /v2/webhooks?failing=true` shows it. Times are epoch milliseconds. */
export interface FailingView {
  /** The first failed call after which none has succeeded; null where only its breaker is open. */
  readonly since: number | null;
  /** The open breakers of its URLs. */
  readonly circuits: readonly {
    readonly url: string;
    readonly since: number;
    /** When the next call is let through. */
    readonly nextProbeAt: number;
    /** How often it has opened without closing in between. */
    readonly openings: number;
  }[];
  /** When the event of the delivery that waits longest was accepted; null when none waits. At most an hour too early. */
  readonly oldestWaitingAt: number | null;
  /** The same as an age. */
  readonly oldestWaitingMs: number | null;
}

export interface FailingWebhooksDeps {
  readonly directory: Pick<WebhookDirectory, 'all' | 'get'>;
  readonly endpoints: Pick<EndpointDirectory, 'openOf'>;
  /** What is remembered of the account's failing webhooks, and of these others. */
  readonly healthOf: (accountId: number, others: readonly number[]) => Promise<ReadonlyMap<number, WebhookHealth>>;
  readonly now: () => number;
}

export type FailingWebhooks = (accountId: number) => Promise<ReadonlyMap<number, FailingView>>;

/** The account's webhooks with an open breaker, or without a success since a call failed, by their ids. */
export const failingWebhooks =
  ({ directory, endpoints, healthOf, now }: FailingWebhooksDeps): FailingWebhooks =>
  async (accountId) => {
    const open = endpoints.openOf(accountId);
    const circuits = new Map<number, FailingView['circuits']>();
    for (const webhook of open.size === 0 ? [] : directory.all()) {
      const ofWebhook = webhook.accountId === accountId ? circuitsOf(webhook, open) : [];
      if (ofWebhook.length > 0) circuits.set(webhook.id, ofWebhook);
    }
    const health = await healthOf(accountId, [...circuits.keys()]);
    const failing = new Map<number, FailingView>();
    for (const id of new Set([...circuits.keys(), ...health.keys()])) {
      const webhook = directory.get(id);
      if (webhook) failing.set(id, viewOf(webhook, circuits.get(id) ?? [], health.get(id), now()));
    }
    return failing;
  };

function circuitsOf(webhook: Webhook, open: ReadonlyMap<string, OpenEndpoint>): FailingView['circuits'] {
  const profile = tlsProfile(webhook);
  return [webhook.callback, webhook.fallbackCallback].flatMap((url) => {
    const change = url === undefined ? undefined : open.get(endpointKey(webhook.accountId, url, profile));
    if (url === undefined || !change) return [];
    return [{ url, since: change.since, nextProbeAt: change.retryAt, openings: change.openings }];
  });
}

function viewOf(
  webhook: Webhook,
  circuits: FailingView['circuits'],
  health: WebhookHealth | undefined,
  nowMs: number,
): FailingView {
  const oldest = oldestWaitingAt(health?.waiting ?? [], { nowMs, ...retryPolicyOf(webhook) }) ?? null;
  return {
    since: health?.failing?.since ?? null,
    circuits,
    oldestWaitingAt: oldest,
    oldestWaitingMs: oldest === null ? null : Math.max(0, nowMs - oldest),
  };
}
