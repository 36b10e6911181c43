import type { Attempt, AttemptError, AttemptIds, Outcome, Webhook } from '@switchhook/contracts';
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

type Verdict = 'succeeded' | 'retry' | { readonly exhausted: string };

/** Client errors that mean "later": Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

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
  const verdict = judge(webhook, result);
  if (verdict === 'succeeded') return { outcome: 'succeeded', ...base };
  if (verdict !== 'retry') return { outcome: 'exhausted', ...base, reason: verdict.exhausted };
  const { number, acceptedAt } = ids;
  const policy = retryPolicyOf(webhook);
  const next = nextAttemptAt({ policy, number, acceptedAt, nowMs, jitter, retryAfterMs: result.retryAfterMs });
  if (next === 'tries') return { outcome: 'exhausted', ...base, reason: 'tries' };
  if (next === 'max-age') return { outcome: 'expired', ...base, reason: 'max-age' };
  return { outcome: 'attempted', ...base, nextAttemptAt: next };
}

function judge(webhook: Webhook, { statusCode, error }: CallResult): Verdict {
  const profile = profileOf(webhook.profile);
  // Policy will not change its mind between two attempts, and each try would look like a probe of the network behind.
  if (error === 'address-refused') return { exhausted: 'address-refused' };
  if (error === 'redirect' || isRedirect(statusCode)) {
    return profile.rules.redirect === 'retry' ? 'retry' : { exhausted: `status-${statusCode}` };
  }
  if (error !== null || statusCode === null) return 'retry';
  if (profile.accepts(statusCode)) return 'succeeded';
  const passing = statusCode < 400 || statusCode > 499 || PASSING_STATUSES.has(statusCode);
  return passing ? 'retry' : { exhausted: `status-${statusCode}` };
}

const isRedirect = (statusCode: number | null): boolean =>
  statusCode !== null && statusCode >= 300 && statusCode <= 399;
