import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import { profileOf } from './profiles/profile-of.js';
import { nextAttemptAt, retryPolicyOf } from './retry-schedule.js';

const HOUR = 3_600_000;
const policy = { delaysMs: [5_000, 60_000], maxAgeMs: HOUR };
const twoDays = { ...policy, maxAgeMs: 48 * HOUR };
const next = (changes: Partial<Parameters<typeof nextAttemptAt>[0]> = {}) =>
  nextAttemptAt({ policy, number: 1, acceptedAt: 1_000, nowMs: 2_000, jitter: 0.5, ...changes });

describe('the next attempt', () => {
  it.each([
    ['after the first, waits the first delay', {}, 7_000],
    ['after the second, waits the second delay', { number: 2 }, 62_000],
    ['after the last delay, does not come', { number: 3 }, 'tries'],
    ['comes up to 10 % earlier', { jitter: 0 }, 6_500],
    ['comes up to 10 % later', { jitter: 1 }, 7_500],
    ['may fall on the last moment', { acceptedAt: 7_000 - HOUR }, 7_000],
    ['does not come after the last moment', { acceptedAt: 6_999 - HOUR }, 'max-age'],
    ['waits as long as the receiver asks', { retryAfterMs: 30_000 }, 32_000],
    ['does not come sooner because the receiver asks', { retryAfterMs: 1 }, 7_000],
    ['is given up when the receiver asks for more than there is', { retryAfterMs: 2 * HOUR }, 'max-age'],
    ['waits 24 h when the receiver asks for it', { retryAfterMs: 24 * HOUR, policy: twoDays }, 2_000 + 24 * HOUR],
    ['waits 24 h when it asks for more', { retryAfterMs: 99 * HOUR, policy: twoDays }, 2_000 + 24 * HOUR],
    ['is never made where there are no delays', { policy: { ...policy, delaysMs: [] } }, 'tries'],
  ])('%s', (_name, changes, expected) => {
    expect(next(changes)).toBe(expected);
  });

  it('is never in the past, never later than the maximum age, and within 10 % of the delay', () => {
    fc.assert(
      fc.property(fc.nat(HOUR), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2 * HOUR), (delay, jitter, age) => {
        const at = next({ policy: { delaysMs: [delay], maxAgeMs: HOUR }, jitter, nowMs: 1_000 + age });
        if (typeof at === 'string') return at === 'max-age';
        const waited = at - 1_000 - age;
        return waited >= Math.floor(delay * 0.9) && waited <= Math.ceil(delay * 1.1) && at <= 1_000 + HOUR;
      }),
    );
  });
});

describe('retryPolicyOf', () => {
  const { delaysMs, maxAgeMs } = profileOf('standard').rules;
  it.each([
    ['the profile where the webhook has none', undefined, { delaysMs, maxAgeMs }],
    ['its own delays', { delaysMs: [] }, { delaysMs: [], maxAgeMs }],
    ['its own age', { maxAgeMs: 5 }, { delaysMs, maxAgeMs: 5 }],
  ])('takes %s', (_name, retry, expected) => {
    expect(retryPolicyOf(aWebhook({ profile: 'standard', retry }))).toStrictEqual(expected);
  });
});
