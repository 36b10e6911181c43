import type { EndpointChange } from '@switchhook/contracts';
import { openTimeMs } from '@switchhook/domain';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breakers } from './breakers.js';
import type { CallAnswer, CallToSend } from './http-sender.js';
import { Probes } from './probes.js';

const ENDPOINT = { key: 'a', accountId: 1 };
const ANSWER: CallAnswer = { statusCode: 200, error: null, responseBody: null, abandoned: false };
const ANSWERS = {
  well: ANSWER,
  refused: { ...ANSWER, statusCode: null, error: 'refused' },
  failed: { ...ANSWER, statusCode: 503 },
  abandoned: { ...ANSWER, statusCode: null, abandoned: true },
} as const satisfies Record<string, CallAnswer>;

const CALL: CallToSend = {
  call: { method: 'POST', url: 'http://receiver.example/', headers: {}, signingKeyIds: [] },
  body: Buffer.from('body'),
  ...{ timeoutMs: 1_000, nonStrictSsl: false, allowLoopback: false, signal: new AbortController().signal },
};

type Step =
  | { readonly kind: 'call'; readonly answer: keyof typeof ANSWERS; readonly tookMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'heard'; readonly state: 'open' | 'closed'; readonly openings: number; readonly waitMs: number }
  | { readonly kind: 'reset' };

// Opossum has timers of its own: only the clock of the process can be made to go faster.
beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

/** One instance, through all that can happen to it; its calls are made as soon as the breaker allows. When its probes began. */
async function live(steps: readonly Step[]): Promise<number[]> {
  const probes: number[] = [];
  let [answer, tookMs]: [CallAnswer, number] = [ANSWER, 0];
  const breakers = new Breakers({
    send: async () => {
      if (breakers.state(ENDPOINT.key) !== 'closed') probes.push(Date.now());
      const { promise, resolve } = Promise.withResolvers<CallAnswer>();
      const given = answer;
      setTimeout(() => resolve(given), tookMs);
      return promise;
    },
    now: () => Date.now(),
    openTimeMs,
  });
  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'wait') await vi.advanceTimersByTimeAsync(step.ms);
    if (step.kind === 'reset') breakers.reset(ENDPOINT.key, 7);
    if (step.kind === 'heard') breakers.hear(changeFixture(step));
    if (step.kind !== 'call') return;
    [answer, tookMs] = [ANSWERS[step.answer], step.tookMs];
    if (breakers.state(ENDPOINT.key) === 'open') await vi.advanceTimersToNextTimerAsync();
    const called = breakers.send(ENDPOINT, CALL);
    await vi.advanceTimersByTimeAsync(step.tookMs);
    await called;
  };
  for (const step of steps) await take(step);
  breakers.stop();
  return probes;
}

const changeFixture = ({ state, openings, waitMs }: Extract<Step, { kind: 'heard' }>): EndpointChange => {
  const at = Date.now() + 1;
  return { endpoint: ENDPOINT.key, accountId: 1, state, at, openings, retryAt: at + waitMs, waitMs };
};

describe('the probes of one instance', () => {
  const call = fc.record({
    kind: fc.constant('call' as const),
    answer: fc.constantFrom<(keyof typeof ANSWERS)[]>('well', 'refused', 'refused', 'failed', 'abandoned'),
    tookMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 20_000 }) }),
  });
  const relapse = fc.constant<Step[]>([
    { kind: 'call', answer: 'well', tookMs: 0 },
    ...Array.from({ length: 5 }, (): Step => ({ kind: 'call', answer: 'refused', tookMs: 0 })),
  ]);
  const other = fc.oneof(
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 70_000 }) }),
    fc.record({ kind: fc.constant('reset' as const) }),
    fc.record({
      kind: fc.constant('heard' as const),
      state: fc.constantFrom('open' as const, 'closed' as const),
      openings: fc.integer({ min: 1, max: 8 }),
      waitMs: fc.nat({ max: 20_000 }),
    }),
  );
  const some = fc.oneof(
    { weight: 3, arbitrary: relapse },
    { weight: 3, arbitrary: fc.array(call, { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.array(other, { maxLength: 2 }) },
  );

  it('are never more than five in any 60 s, though it opens, closes and opens again, is reset, and hears of others', async () => {
    let [most, capped] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(some, { maxLength: 20 }), async (steps) => {
        const probes = await live(steps.flat());
        for (const [index, at] of probes.entries()) {
          const sixth = (probes[index + 5] ?? Infinity) - at;
          expect(sixth).toBeGreaterThanOrEqual(60_000);
          if (sixth === 60_000) capped += 1;
        }
        most = Math.max(most, probes.length);
      }),
      { numRuns: 300 },
    );
    // It was tried: there were many, and some had to wait for that.
    expect([most > 5, capped > 0]).toEqual([true, true]);
  });

  it('are forgotten with the minute that they count in', () => {
    const probes = new Probes();
    for (let second = 0; second < 300; second++) probes.note(`endpoint-${second}`, second * 1_000);
    expect(probes.size()).toBe(60);
  });
});
