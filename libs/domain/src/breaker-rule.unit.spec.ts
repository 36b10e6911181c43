import type { AttemptError } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_TROUBLE, judgeEndpoint, noteCall, openTimeMs, shouldOpen, type EndpointVerdict } from './breaker-rule.js';

type Given = readonly [at: number, verdict: EndpointVerdict];

const after = (calls: readonly Given[]) =>
  calls.reduce((trouble, [at, verdict]) => noteCall(trouble, verdict, at), NO_TROUBLE);
const times = (count: number, verdict: EndpointVerdict, from = 0, everyMs = 1): Given[] =>
  Array.from({ length: count }, (_, index) => [from + index * everyMs, verdict] as const);

describe('what a call says about its endpoint', () => {
  it.each<[number | null, AttemptError | null, EndpointVerdict]>([
    [200, null, 'answered'],
    [302, 'redirect', 'answered'],
    [400, null, 'answered'],
    [404, null, 'answered'],
    [410, null, 'answered'],
    [429, null, 'answered'],
    [499, null, 'answered'],
    [500, null, 'failed'],
    [503, null, 'failed'],
    [null, 'timeout', 'failed'],
    [null, 'protocol', 'failed'],
    [null, 'refused', 'unreachable'],
    [null, 'reset', 'unreachable'],
    [null, 'dns', 'unreachable'],
    [null, 'tls', 'unreachable'],
    [null, 'response-too-large', 'answered'],
    [null, 'address-refused', 'nothing'],
  ])('status %s, error %s: %s', (statusCode, error, verdict) => {
    expect(judgeEndpoint({ statusCode, error })).toBe(verdict);
  });
});

describe('a breaker', () => {
  it.each<[string, Given[], number, boolean]>([
    ['stays closed after nine failures', times(9, 'failed'), 9, false],
    ['opens with the tenth', times(10, 'failed'), 10, true],
    [
      'opens when every other call fails',
      times(10, 'failed', 0, 2)
        .concat(times(9, 'answered', 1, 2))
        .sort(byTime),
      20,
      true,
    ],
    ['stays closed when 9 of the last 20 failed', [...times(9, 'failed'), ...times(11, 'answered', 9)], 20, false],
    [
      'forgets what is more than 20 calls ago',
      [...times(9, 'failed'), ...times(20, 'answered', 9), [30, 'failed']],
      30,
      false,
    ],
    ['forgets what is more than 30 s ago', [...times(9, 'failed'), [30_009, 'failed']], 30_009, false],
    ['remembers what is 30 s ago', [...times(9, 'failed'), [30_000, 'failed']], 30_000, true],
    ['stays closed after four connections that did not come about', times(4, 'unreachable'), 4, false],
    ['opens with the fifth in a row', times(5, 'unreachable', 0, 3_600_000), 18_000_000, true],
    ['counts them anew after an answer', [...times(4, 'unreachable'), [4, 'answered'], [5, 'unreachable']], 5, false],
    [
      'takes a 5xx for a connection that came about',
      [...times(4, 'unreachable'), [4, 'failed'], [5, 'unreachable']],
      5,
      false,
    ],
    ['is not moved by what says nothing', [...times(4, 'unreachable'), [4, 'nothing'], [5, 'unreachable']], 5, true],
  ])('%s', (_what, calls, nowMs, opens) => {
    expect(shouldOpen(after(calls), nowMs)).toBe(opens);
  });

  it('never opens on answers, whatever their number', () => {
    expect(after(times(1_000, 'answered'))).toBe(NO_TROUBLE);
  });

  it('decides as the plain rule over all calls does, and remembers at most 20', () => {
    const verdict = fc.constantFrom<EndpointVerdict>('answered', 'failed', 'unreachable', 'nothing');
    const call = fc.tuple(fc.nat({ max: 4_000 }), verdict);
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80 }), (steps) => {
        let at = 0;
        const calls = steps.map(([waitMs, each]): Given => [(at += waitMs), each]);
        const trouble = after(calls);
        expect(trouble.calls.length).toBeLessThanOrEqual(20);
        expect(shouldOpen(trouble, at)).toBe(plainRule(calls, at));
      }),
      { numRuns: 500 },
    );
  });

  it('stays open for 10 s, and twice as long each time that the trial fails, up to 10 min', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 2_000].map(openTimeMs)).toEqual(
      [10, 20, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1_000),
    );
  });
});

function byTime([a]: Given, [b]: Given): number {
  return a - b;
}

/** The rule as it is written down, over everything that ever happened. */
function plainRule(calls: readonly Given[], nowMs: number): boolean {
  const counted = calls.filter(([, verdict]) => verdict !== 'nothing');
  const lastFive = counted.slice(-5);
  if (lastFive.length === 5 && lastFive.every(([, verdict]) => verdict === 'unreachable')) return true;
  return counted.slice(-20).filter(([at, verdict]) => verdict !== 'answered' && nowMs - at <= 30_000).length >= 10;
}
