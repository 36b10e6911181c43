import type { Attempt, AttemptError, AttemptIds, Outcome, Webhook } from '@switchhook/contracts';
import { classOfCall, type Consequence } from './call-class.js';
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

/**
 * What becomes of a delivery after a call: `succeeded`, `attempted` (with the time of the next one), `exhausted` or
 * `expired`. Every outcome carries the attempt. `jitter` is a random number from 0 to 1.
 */
export function decideOutcome(input: {
  webhook: Webhook;
  ids: Pick<AttemptIds, 'number' | 'acceptedAt'>;
  result: CallResult;
  nowMs: number;
  jitter: number;
}): Outcome {
  const { webhook, ids, result, nowMs, jitter } = input;
  const base = { at: nowMs, attempt: result.attempt };
  const consequence = consequenceOf(webhook, result);
  if (consequence === 'succeed') return { outcome: 'succeeded', ...base };
  if (consequence !== 'retry') return { outcome: 'exhausted', ...base, reason: reasonOf(result) };
  const { number, acceptedAt } = ids;
  const policy = retryPolicyOf(webhook);
  const next = nextAttemptAt({ policy, number, acceptedAt, nowMs, jitter, retryAfterMs: result.retryAfterMs });
  if (next === 'tries') return { outcome: 'exhausted', ...base, reason: 'tries' };
  if (next === 'max-age') return { outcome: 'expired', ...base, reason: 'max-age' };
  return { outcome: 'attempted', ...base, nextAttemptAt: next };
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
