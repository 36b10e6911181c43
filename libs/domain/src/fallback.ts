import { HEADER, headerText, type RecordHeaders, type Webhook } from '@switchhook/contracts';
import { profileOf } from './profiles/profile-of.js';

/** Which of a webhook's two URLs an attempt goes to. It travels in the header `switchhook-target`. */
export interface AttemptTarget {
  readonly to: 'primary' | 'fallback';
  /** Attempts of this run that went to the fallback before this one. */
  readonly fallbackTries: number;
  /** The primary is not asked again: it has used up its tries, or has refused for good. */
  readonly primaryEnded: boolean;
}

const FIRST: AttemptTarget = { to: 'primary', fallbackTries: 0, primaryEnded: false };
const TARGET = /^(primary|fallback) (\d{1,9})( ended)?$/;

/** Whether the webhook has a second URL that its profile asks. */
export const hasFallback = (webhook: Webhook): boolean =>
  webhook.fallbackCallback !== undefined && profileOf(webhook.profile).rules.fallback !== 'never';

/**
 * The target that the headers of an attempt name; undefined where the webhook has no fallback (any more), which costs nothing:
 * then everything is as if there were none.
 */
export function targetOf(webhook: Webhook, headers: RecordHeaders): AttemptTarget | undefined {
  if (!hasFallback(webhook)) return undefined;
  const [, to, tries, ended] = TARGET.exec(headerText(headers, HEADER.target) ?? '') ?? [];
  if (to === undefined) return FIRST;
  return { to: to === 'fallback' ? to : 'primary', fallbackTries: Number(tries), primaryEnded: ended !== undefined };
}

/** The header's text; `targetOf` reads it. */
export const targetText = ({ to, fallbackTries, primaryEnded }: AttemptTarget): string =>
  `${to} ${fallbackTries}${primaryEnded ? ' ended' : ''}`;

/** The URL that an attempt calls. */
export const urlOf = (webhook: Webhook, target: AttemptTarget | undefined): string =>
  target?.to === 'fallback' ? (webhook.fallbackCallback ?? webhook.callback) : webhook.callback;

/** The attempt after one that failed. */
export interface NextTry {
  readonly target: AttemptTarget;
  /** The number of tries after which the schedule is asked for the wait; 0: none, at once. */
  readonly afterTry: number;
  /** The same URL again, so that its `Retry-After` counts. */
  readonly sameUrl: boolean;
}

/**
 * Which attempt follows a failed one of a webhook with a fallback; null: none, both URLs have been asked often enough. Each
 * URL has `tries`, the schedule's number.
 *
 * `at-once`: each failure of the primary is followed by one call of the fallback, then the primary's next try is waited for.
 * `after-tries`: first the primary's tries, then the fallback's. In both the fallback alone is left when the primary refuses for
 * good (`canPass` false), and it is then retried like a primary.
 */
export function tryAfterFailure(input: {
  readonly rule: 'at-once' | 'after-tries';
  readonly target: AttemptTarget;
  /** Of the failed attempt, from 1, over both URLs. */
  readonly number: number;
  readonly tries: number;
  readonly canPass: boolean;
}): NextTry | null {
  const { rule, target, number, tries, canPass } = input;
  const { fallbackTries, primaryEnded } = target;
  if (target.to === 'fallback') {
    const made = fallbackTries + 1;
    if (!primaryEnded) return backToPrimary(number - made, made, tries);
    if (!canPass || made >= tries) return null;
    return { target: { ...target, fallbackTries: made }, afterTry: made, sameUrl: true };
  }
  const primaryTries = number - fallbackTries;
  const isLast = !canPass || primaryTries >= tries;
  if (fallbackTries < tries && (isLast || rule === 'at-once')) {
    return { target: { to: 'fallback', fallbackTries, primaryEnded: isLast }, afterTry: 0, sameUrl: false };
  }
  return isLast ? null : { target, afterTry: primaryTries, sameUrl: true };
}

/** The fallback was asked between two tries of the primary, and failed. However often that was: the wait grows with it. */
const backToPrimary = (primaryTries: number, fallbackTries: number, tries: number): NextTry => ({
  target: { to: 'primary', fallbackTries, primaryEnded: false },
  afterTry: Math.min(Math.max(primaryTries, fallbackTries), tries - 1),
  sameUrl: false,
});

/**
 * Where an attempt goes whose URL the breaker holds back: to the fallback, which is what it is for; undefined: it waits until
 * its own URL is tried again.
 */
export function targetWhenHeld(target: AttemptTarget, tries: number): AttemptTarget | undefined {
  if (target.to === 'fallback' || target.fallbackTries >= tries) return undefined;
  return { ...target, to: 'fallback' };
}
