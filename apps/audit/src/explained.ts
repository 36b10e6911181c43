import type { Delivery, Pause, Webhook } from '@switchhook/contracts';
import { endpointKey, explainWait, tlsProfile, type HeldNow, type Wait } from '@switchhook/domain';
import type { EndpointDirectory, Pauses } from '@switchhook/platform';

export interface ExplainedDeps {
  /** The newest version of a webhook, deleted ones included. */
  readonly webhookOf: (webhookId: number) => Webhook | undefined;
  readonly pauses: Pick<Pauses, 'of'>;
  readonly endpoints: Pick<EndpointDirectory, 'open'>;
  readonly now: () => number;
}

/** A delivery as the views have it, with what only its explanation needs. */
export type WaitingDelivery = Omit<Delivery, 'explanation'> &
  Pick<Wait, 'lastAttempt'> & { readonly waitingSince: number | null };

/** The delivery as the log shows it: with why it waits. */
export function explained(deps: ExplainedDeps, delivery: WaitingDelivery): Delivery {
  const { waitingSince, lastAttempt, ...shown } = delivery;
  const { status, reason, nextAttemptAt } = delivery;
  const isWaiting = status === 'deferred' || status === 'pending';
  const wait = { status, reason, since: waitingSince, nextAttemptAt, lastAttempt };
  return { ...shown, explanation: isWaiting ? explainWait(wait, heldNow(deps, delivery.webhookId), deps.now()) : null };
}

function heldNow({ webhookOf, pauses, endpoints }: ExplainedDeps, webhookId: number): HeldNow {
  const webhook = webhookOf(webhookId);
  // What is for a disabled one is cancelled in its turn, held by nothing.
  if (!webhook || webhook.status === 'disabled' || webhook.status === 'deleted') return {};
  const pause: Pause | undefined = pauses.of(webhook);
  const { accountId, callback, fallbackCallback } = webhook;
  const openAt = (url: string) => endpoints.open(accountId, endpointKey(accountId, url, tlsProfile(webhook)));
  // What the breaker of the callback holds back goes to the fallback: it waits only while both are open.
  const own = openAt(callback);
  const open = own && fallbackCallback !== undefined ? openAt(fallbackCallback) : own;
  return { pausedSince: pause?.since, circuit: open && { since: open.since, nextProbeAt: open.retryAt } };
}
