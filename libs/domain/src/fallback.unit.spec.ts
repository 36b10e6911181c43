import { HEADER } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import { targetOf, targetText, targetWhenHeld, tryAfterFailure, urlOf, type AttemptTarget } from './fallback.js';

const withFallback = aWebhook({ fallbackCallback: 'https://example.com/fallback' });
const first: AttemptTarget = { to: 'primary', fallbackTries: 0, primaryEnded: false };

/** Where attempt after attempt goes while each fails: `P` and `F`, with the try of the schedule that is waited for before. */
function walk(rule: 'at-once' | 'after-tries', tries: number, passes = (_to: string): boolean => true): string {
  const seen: string[] = [];
  let target = first;
  for (let number = 1; number < 100; number += 1) {
    seen.push(target.to === 'primary' ? 'P' : 'F');
    const next = tryAfterFailure({ rule, target, number, tries, canPass: passes(target.to) });
    if (!next) return seen.join(' ');
    seen.push(String(next.afterTry));
    target = next.target;
  }
  return 'without end';
}

describe('while both URLs fail', () => {
  it.each([
    ['at-once', 3, 'P 0 F 1 P 0 F 2 P 0 F'],
    ['at-once', 1, 'P 0 F'],
    ['after-tries', 3, 'P 1 P 2 P 0 F 1 F 2 F'],
    ['after-tries', 1, 'P 0 F'],
  ] as const)('%s, %i tries each: %s', (rule, tries, expected) => {
    expect(walk(rule, tries)).toBe(expected);
  });

  it.each(['at-once', 'after-tries'] as const)(
    '%s: what the primary refuses for good is left to the fallback',
    (rule) => {
      expect(walk(rule, 3, (to) => to === 'fallback')).toBe('P 0 F 1 F 2 F');
      expect(walk(rule, 3, () => false)).toBe('P 0 F');
    },
  );

  it('at-once: a fallback that refuses for good does not end the tries of the primary', () => {
    expect(walk('at-once', 3, (to) => to === 'primary')).toBe('P 0 F 1 P 0 F 2 P 0 F');
  });
});

describe('while the breaker of the primary is open', () => {
  it('the fallback is asked instead, and the primary waited for when that fails', () => {
    const held = targetWhenHeld(first, 3);
    expect(held).toEqual({ ...first, to: 'fallback' });
    expect(tryAfterFailure({ rule: 'after-tries', target: held!, number: 1, tries: 3, canPass: true })).toEqual({
      target: { to: 'primary', fallbackTries: 1, primaryEnded: false },
      afterTry: 1,
      sameUrl: false,
    });
  });

  it('with one try only, the primary is not waited for by the schedule', () => {
    const held = targetWhenHeld(first, 1)!;
    expect(tryAfterFailure({ rule: 'at-once', target: held, number: 1, tries: 1, canPass: true })?.afterTry).toBe(0);
  });

  it('the fallback is asked no more often than it has tries, and a fallback that is held waits for itself', () => {
    expect(targetWhenHeld({ ...first, fallbackTries: 3 }, 3)).toBeUndefined();
    expect(targetWhenHeld({ ...first, to: 'fallback' }, 3)).toBeUndefined();
    const usedUp = { ...first, fallbackTries: 3 };
    expect(tryAfterFailure({ rule: 'at-once', target: usedUp, number: 5, tries: 3, canPass: true })?.target).toEqual(
      usedUp,
    );
    expect(tryAfterFailure({ rule: 'at-once', target: usedUp, number: 6, tries: 3, canPass: true })).toBeNull();
  });
});

describe('the target of an attempt', () => {
  it('is the primary where nothing is said, and what the header says otherwise', () => {
    expect(targetOf(withFallback, {})).toEqual(first);
    const text = (target: AttemptTarget) => targetOf(withFallback, { [HEADER.target]: targetText(target) });
    const targets = fc.record({
      to: fc.constantFrom('primary' as const, 'fallback' as const),
      fallbackTries: fc.nat(100),
      primaryEnded: fc.boolean(),
    });
    fc.assert(
      fc.property(targets, (target) => {
        expect(text(target)).toEqual(target);
      }),
    );
  });

  it('is undefined where the webhook has no fallback, or has none any more', () => {
    expect(targetOf(aWebhook(), { [HEADER.target]: 'fallback 1' })).toBeUndefined();
    expect(urlOf(aWebhook(), undefined)).toBe('https://example.com/hook');
  });

  it('has its URL', () => {
    expect(urlOf(withFallback, first)).toBe('https://example.com/hook');
    expect(urlOf(withFallback, { ...first, to: 'fallback' })).toBe('https://example.com/fallback');
  });
});
