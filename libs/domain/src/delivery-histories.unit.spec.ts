import { ATTEMPT_ERRORS, HEADER, type Attempt, type AttemptError, type Outcome } from '@switchhook/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { evolveDelivery, initialDelivery, type DeliveryFact, type DeliveryState } from './delivery.js';
import { aWebhook } from './event.spec-support.js';
import { targetOf, targetText, targetWhenHeld } from './fallback.js';
import { decideOutcome } from './outcome-rules.js';

/** What the world does to an attempt when its turn has come. */
type Turn =
  | { readonly call: { readonly statusCode: number | null; readonly error: AttemptError | null } }
  | { readonly quiet: 'held' | 'parked' | 'disabled' | 'too-old' | 'too-large' };

const status = fc.constantFrom(200, 204, 302, 400, 401, 404, 408, 410, 425, 429, 500, 503, 599);
const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 6, arbitrary: status.map((statusCode) => ({ call: { statusCode, error: null } })) },
  { weight: 4, arbitrary: fc.constantFrom(...ATTEMPT_ERRORS).map((error) => ({ call: { statusCode: null, error } })) },
  { weight: 2, arbitrary: fc.constantFrom('held' as const, 'parked' as const).map((quiet) => ({ quiet })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('disabled' as const, 'too-old' as const, 'too-large' as const)
      .map((quiet) => ({ quiet })),
  },
);
const settings = fc.record({
  fallbackCallback: fc.option(fc.constant('https://example.com/fallback'), { nil: undefined }),
  retry: fc.record({
    delaysMs: fc.array(fc.nat(10_000), { maxLength: 4 }),
    maxAgeMs: fc.integer({ min: 1, max: 60_000 }),
  }),
});
const runs = fc.array(fc.array(turn, { maxLength: 40 }), { minLength: 1, maxLength: 3 });

it('every history that the rules make is one: fallback, parking, expiry, disabling and runs one after the other', () => {
  fc.assert(
    fc.property(settings, runs, (changes, turnsOfRuns) => {
      const webhook = aWebhook(changes);
      let state: DeliveryState = initialDelivery;
      for (const [run, turns] of turnsOfRuns.entries()) {
        const end = playRun(webhook, run, turns);
        state = end.facts.reduce(evolveDelivery, state);
        expect(state).toMatchObject({ status: end.facts.at(-1)!.outcome.outcome, run, repeats: 0 });
        expect(end.calls).toBeLessThanOrEqual((changes.retry.delaysMs.length + 1) * (changes.fallbackCallback ? 2 : 1));
      }
    }),
    { numRuns: 500 },
  );
});

/** One run to its end: what the turns leave open is ended by a cancellation, so that another run may follow. */
function playRun(webhook: ReturnType<typeof aWebhook>, run: number, turns: readonly Turn[]) {
  const facts: DeliveryFact[] = [];
  let number = 1;
  let calls = 0;
  let header: string | undefined;
  let nowMs = 0;
  for (const each of [...turns, { quiet: 'disabled' } as const]) {
    const target = targetOf(webhook, header === undefined ? {} : { [HEADER.target]: header });
    const outcome = 'call' in each ? afterCall(each.call, number, target) : afterQuiet(each.quiet, target);
    facts.push({ run, number, outcome });
    if (outcome.outcome !== 'attempted' && outcome.outcome !== 'deferred') break;
    header = outcome.nextTarget ?? header;
    nowMs = outcome.nextAttemptAt ?? nowMs;
    if (outcome.outcome === 'attempted') number += 1;
  }
  return { facts, calls };

  function afterCall(call: { statusCode: number | null; error: AttemptError | null }, made: number, target: Target) {
    calls += 1;
    const result = { ...call, attempt: {} as Attempt };
    return decideOutcome({ webhook, ids: { number: made, acceptedAt: 0 }, target, result, nowMs, jitter: 0.5 });
  }

  function afterQuiet(quiet: string, target: Target): Outcome & { attempt?: Attempt } {
    if (quiet === 'disabled') return { outcome: 'cancelled', at: nowMs, reason: 'disabled' };
    if (quiet === 'too-old') return { outcome: 'expired', at: nowMs, reason: 'max-age' };
    if (quiet === 'too-large') return { outcome: 'exhausted', at: nowMs, reason: 'too-large' };
    const other = quiet === 'held' && target && targetWhenHeld(target, webhook.retry!.delaysMs!.length + 1);
    return { outcome: 'deferred', at: nowMs, ...(other && { nextTarget: targetText(other) }) };
  }
}
type Target = ReturnType<typeof targetOf>;
