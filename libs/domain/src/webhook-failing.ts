import type { DisableReason, Webhook } from '@switchhook/contracts';
import { profileOf } from './profiles/profile-of.js';

/** A finished call of a webhook. */
export interface FinishedCall {
  /** `<deliveryId>/<run>/<number>`. */
  readonly attempt: string;
  /** Epoch ms at which the log took its outcome. */
  readonly at: number;
  /** The version under which the call was signed. */
  readonly webhookVersion: number;
  /** `gone`: the answer disables the webhook at once. */
  readonly result: 'succeeded' | 'failed' | 'gone';
}

/** The first failed call since the last success. */
export interface Failing {
  readonly attempt: string;
  readonly since: number;
}

/** That a webhook is to be disabled. The same call, or the same beginning, has the same cause. */
export interface Disabling {
  readonly reason: DisableReason;
  readonly cause: string;
  /** Epoch ms from which on the webhook must have been enabled, or it is about an earlier time. */
  readonly since: number;
  /** Of `gone`: the version that was called. */
  readonly webhookVersion?: number;
}

/**
 * Follows how a webhook fares, call by call in the order of the log: `failing` is what was known before, null for a healthy one.
 * The clock is that of the outcomes, so that a backlog or an outage of ours adds no time, and it takes a failed call to disable.
 * `disabling` comes for one that is disabled already, too: after a crash that is how its cause is found again.
 */
export function followFailing(
  failing: Failing | null,
  call: FinishedCall,
  webhook: Webhook,
): { readonly failing: Failing | null; readonly disabling?: Disabling } {
  if (call.result === 'succeeded') return { failing: null };
  const enabledAt = webhook.enabledAt ?? 0;
  if (call.at < enabledAt) return { failing };
  const start = failing && failing.since >= enabledAt ? failing : { attempt: call.attempt, since: call.at };
  const disabling = call.result === 'gone' ? goneBy(call) : failedTooLong(start, call, webhook);
  return disabling ? { failing: start, disabling } : { failing: start };
}

/** Whether the webhook, as it is now, is still the one that is to be disabled. */
export function mustDisable(webhook: Webhook, { since, webhookVersion }: Disabling): boolean {
  if (webhook.status !== 'enabled' || since < (webhook.enabledAt ?? 0)) return false;
  // A 410 is about the endpoint that was called, not about the one that the customer has named since.
  return webhookVersion === undefined || webhookVersion >= webhook.callVersion;
}

const goneBy = ({ attempt, at, webhookVersion }: FinishedCall): Disabling => ({
  reason: 'gone',
  cause: `gone:${attempt}`,
  since: at,
  webhookVersion,
});

function failedTooLong({ attempt, since }: Failing, { at }: FinishedCall, webhook: Webhook): Disabling | undefined {
  const { failingLimitMs } = profileOf(webhook.profile).rules;
  if (failingLimitMs === null || at - since < failingLimitMs) return undefined;
  return { reason: 'failing', cause: `failing:${attempt}`, since };
}
