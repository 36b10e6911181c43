import type { Attempt, AttemptError, AttemptIds, Outcome, Webhook } from '@switchhook/contracts';
import { classOfCall, type Consequence } from './call-class.js';
import { targetText, tryAfterFailure, type AttemptTarget, type NextTry } from './fallback.js';
import { profileOf } from './profiles/profile-of.js';
import { nextAttemptAt, retryPolicyOf } from './retry-schedule.js';

/** What a call came to. Either a status code or an error is there; `attempt` is the record of it. */
export interface CallResult {
  readonly statusCode: number | null;
  readonly error: AttemptError | null;
  /** What the receiver's `Retry-After` asks for, from now. */
  readonly retryAfterMs?: number;
  readonly attempt: Attempt;
}

/** A call that has ended, and what is needed to say what follows. */
export interface Decision {
  readonly webhook: Webhook;
  readonly ids: Pick<AttemptIds, 'number' | 'acceptedAt'>;
  /** Where the webhook has a fallback: which URL was called. */
  readonly target?: AttemptTarget;
  readonly result: CallResult;
  readonly nowMs: number;
  /** A random number from 0 to 1. */
  readonly jitter: number;
}

/**
 * What becomes of a delivery after a call: `succeeded`, `attempted` (with the time of the next one), `exhausted` or
 * `expired`. Every outcome carries the attempt.
 */
export function decideOutcome(decision: Decision): Outcome {
  const { webhook, result, nowMs } = decision;
  const base = { at: nowMs, attempt: result.attempt };
  const consequence = consequenceOf(webhook, result);
  if (consequence === 'succeed') return { outcome: 'succeeded', ...base };
  const next = nextTry(decision, consequence);
  if (next === undefined) {
    return { outcome: 'exhausted', ...base, reason: consequence === 'retry' ? 'tries' : reasonOf(result) };
  }
  const at = nextTime(decision, next);
  if (at === 'tries') return { outcome: 'exhausted', ...base, reason: 'tries' };
  if (at === 'max-age') return { outcome: 'expired', ...base, reason: 'max-age' };
  const target = next.target && { nextTarget: targetText(next.target) };
  return { outcome: 'attempted', ...base, nextAttemptAt: at, ...target };
}

type Next = Omit<NextTry, 'target'> & Partial<NextTry>;

function nextTry({ webhook, ids, target }: Decision, consequence: Consequence): Next | undefined {
  const canPass = consequence === 'retry';
  const { fallback: rule } = profileOf(webhook.profile).rules;
  if (target === undefined || rule === 'never') return canPass ? { afterTry: ids.number, sameUrl: true } : undefined;
  // The owner of the primary has asked us to stop; a fallback may say what it likes of itself.
  if (consequence === 'disable' && target.to === 'primary') return undefined;
  const tries = retryPolicyOf(webhook).delaysMs.length + 1;
  return tryAfterFailure({ rule, target, number: ids.number, tries, canPass }) ?? undefined;
}

function nextTime({ webhook, ids, result, nowMs, jitter }: Decision, next: Next): number | 'tries' | 'max-age' {
  return nextAttemptAt({
    policy: retryPolicyOf(webhook),
    number: next.afterTry,
    acceptedAt: ids.acceptedAt,
    nowMs,
    jitter,
    ...(next.sameUrl && { retryAfterMs: result.retryAfterMs }),
  });
}

/** What the table of the webhook's profile says of a call. */
export function consequenceOf(
  { profile }: Pick<Webhook, 'profile'>,
  call: Pick<CallResult, 'statusCode' | 'error'>,
): Consequence {
  const { rules, accepts } = profileOf(profile);
  return rules.outcomes[classOfCall(call, accepts)];
}

/** Why a delivery ends without another try: `status-<code>`, or the error. */
const reasonOf = ({ statusCode, error }: CallResult): string =>
  statusCode === null ? (error ?? 'protocol') : `status-${statusCode}`;
