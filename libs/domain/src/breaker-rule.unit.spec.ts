import type { AttemptError } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_TROUBLE,
  areProbesOver,
  judgeEndpoint,
  noteCall,
  noteProbe,
  openTimeMs,
  shouldOpen,
  waitForProbeMs,
  type EndpointVerdict,
} from './breaker-rule.js';

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
    ['forgets what is more than 30 s ago', [...times(9, 'failed'), [30_001, 'failed']], 30_001, false],
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

/** What happens to a breaker next, `afterMs` later: a call or a probe ends, another instance says how long it holds, somebody resets it. */
type Step =
  | { readonly kind: 'call'; readonly afterMs: number; readonly tookMs: number; readonly verdict: EndpointVerdict }
  | { readonly kind: 'heard'; readonly afterMs: number; readonly waitMs: number; readonly openings: number }
  | { readonly kind: 'reset'; readonly afterMs: number };

/** A breaker in virtual time whose endpoint is called as soon as it allows: when its probes were, and how long it stayed open at most. */
function live(steps: readonly Step[]) {
  let [nowMs, openings, retryAt, longestMs] = [0, 0, 0, 0];
  let trouble = NO_TROUBLE;
  let noted: readonly number[] = [];
  const probes: number[] = [];
  const open = (count: number, openMs = openTimeMs(count)) => {
    const waitMs = waitForProbeMs(noted, openMs, nowMs);
    longestMs = Math.max(longestMs, waitMs - Math.max(openMs, 60_000));
    [openings, retryAt] = [count, nowMs + waitMs];
  };
  const call = ({ tookMs, verdict }: Extract<Step, { kind: 'call' }>) => {
    if (openings === 0) {
      trouble = noteCall(trouble, verdict, (nowMs += tookMs));
      if (shouldOpen(trouble, nowMs)) open(1);
      return;
    }
    nowMs = Math.max(nowMs, retryAt);
    probes.push(nowMs);
    noted = noteProbe(noted, nowMs);
    nowMs += tookMs;
    if (verdict === 'answered') [openings, trouble] = [0, NO_TROUBLE];
    // 'nothing': the probe was broken off.
    else open(verdict === 'nothing' ? openings : openings + 1);
  };
  for (const step of steps) {
    nowMs += step.afterMs;
    if (areProbesOver(noted, nowMs)) noted = [];
    if (step.kind === 'call') call(step);
    if (step.kind === 'heard') open(step.openings, step.waitMs);
    if (step.kind === 'reset') [openings, trouble] = [0, NO_TROUBLE];
  }
  return { probes, longestMs };
}

describe('the probes of an open breaker', () => {
  const afterMs = fc.oneof(fc.constant(0), fc.nat({ max: 70_000 }));
  const call = fc.record({
    kind: fc.constant('call' as const),
    afterMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: afterMs }),
    tookMs: fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 50 }) }, { weight: 1, arbitrary: fc.nat({ max: 30_000 }) }),
    verdict: fc.constantFrom<EndpointVerdict>('answered', 'failed', 'unreachable', 'unreachable', 'nothing'),
  });
  const flaps = fc
    .nat({ max: 12 })
    .map((count) =>
      Array.from({ length: count }, () => [
        { kind: 'call' as const, afterMs: 0, tookMs: 0, verdict: 'answered' as const },
        ...times(5, 'unreachable').map(([, verdict]) => ({ kind: 'call' as const, afterMs: 0, tookMs: 0, verdict })),
      ]).flat(),
    );
  const heard = fc.record({
    kind: fc.constant('heard' as const),
    afterMs,
    waitMs: fc.nat({ max: 30_000 }),
    openings: fc.integer({ min: 1, max: 9 }),
  });
  const reset = fc.record({ kind: fc.constant('reset' as const), afterMs });
  const some = fc.oneof(
    { weight: 6, arbitrary: fc.array(call, { maxLength: 30 }) },
    { weight: 3, arbitrary: flaps },
    { weight: 1, arbitrary: fc.array(fc.oneof(heard, reset), { maxLength: 5 }) },
  );

  it('are never more than five in any 60 s, whatever comes of them, of calls, of other instances and of resets', () => {
    fc.assert(
      fc.property(fc.array(some, { maxLength: 20 }), (steps) => {
        const { probes, longestMs } = live(steps.flat());
        for (const [index, at] of probes.entries())
          expect((probes[index + 5] ?? Infinity) - at).toBeGreaterThanOrEqual(60_000);
        expect(longestMs).toBeLessThanOrEqual(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('count for a minute, to the millisecond', () => {
    expect([areProbesOver([], 0), areProbesOver([0, 1_000], 60_999), areProbesOver([0, 1_000], 61_000)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('come at 10, 20, 40, 80 … s to an endpoint that stays down', () => {
    const down: Step[] = times(9, 'unreachable').map(([, verdict]) => ({
      kind: 'call',
      afterMs: 0,
      tookMs: 0,
      verdict,
    }));
    expect(live(down).probes).toEqual([10_000, 30_000, 70_000, 150_000]);
  });

  it('come every 10 s, and then only once the first is a minute ago, to one that takes each and fails right after it', () => {
    const verdicts: EndpointVerdict[] = Array.from({ length: 42 }, (_, index) =>
      index % 6 === 5 ? 'answered' : 'unreachable',
    );
    const flapping = verdicts.map((verdict): Step => ({ kind: 'call', afterMs: 0, tookMs: 0, verdict }));
    expect(live(flapping).probes.map((at) => at / 1_000)).toEqual([10, 20, 30, 40, 50, 70, 80]);
  });

  it('do not wait for longer than a minute when the clock was set back', () => {
    expect(
      waitForProbeMs(
        [1, 2, 3, 4, 5].map((hour) => hour * 3_600_000),
        10_000,
        0,
      ),
    ).toBe(60_000);
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
