import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import { followFailing, mustDisable, type Disabling, type Failing, type FinishedCall } from './webhook-failing.js';

const DAY = 24 * 3_600_000;
const call = (result: FinishedCall['result'], at: number, webhookVersion = 1): FinishedCall => ({
  attempt: `d${at}/0/1`,
  at,
  webhookVersion,
  result,
});
/** What is known, and what disables, after `calls` one after the other. */
function follow(calls: readonly FinishedCall[], webhook = aWebhook(), known: Failing | null = null) {
  let failing = known;
  const disablings: Disabling[] = [];
  for (const each of calls) {
    const step = followFailing(failing, each, webhook);
    failing = step.failing;
    if (step.disabling) disablings.push(step.disabling);
  }
  return { failing, disablings };
}

describe('five days without one success', () => {
  it('disable, counted from the first failure to a failure, by the clock of the outcomes', () => {
    const { disablings } = follow([call('failed', 1_000), call('failed', DAY), call('failed', 1_000 + 5 * DAY)]);
    expect(disablings).toEqual([{ reason: 'failing', cause: 'failing:d1000/0/1', since: 1_000 }]);
  });

  it.each([
    ['a millisecond less', [call('failed', 1_000), call('failed', 999 + 5 * DAY)]],
    ['a success in between', [call('failed', 0), call('succeeded', 4 * DAY), call('failed', 5 * DAY)]],
    ['no failure after them: a webhook without traffic', [call('failed', 0)]],
    ['a success after them', [call('failed', 0), call('succeeded', 6 * DAY)]],
  ])('do not, with %s', (_name, calls) => {
    expect(follow(calls).disablings).toEqual([]);
  });

  it('begin anew when the webhook is enabled again', () => {
    const webhook = aWebhook({ enabledAt: 3 * DAY });
    const before = follow([call('failed', 0)]).failing;
    const { failing, disablings } = follow([call('failed', 3 * DAY), call('failed', 7 * DAY)], webhook, before);
    expect(disablings).toEqual([]);
    expect(failing).toEqual({ attempt: `d${3 * DAY}/0/1`, since: 3 * DAY });
  });

  it('have one cause, however many calls fail after them', () => {
    const { disablings } = follow([call('failed', 0), call('failed', 5 * DAY), call('failed', 6 * DAY)]);
    expect(new Set(disablings.map(({ cause }) => cause))).toEqual(new Set(['failing:d0/0/1']));
  });

  it('are never seen in calls of which one in five days succeeds', () => {
    const calls = fc.array(fc.tuple(fc.nat(DAY), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(calls, (steps) => {
        let at = 0;
        let lastSuccess = 0;
        const made = steps.map(([after, succeeded]) => {
          at += after;
          const ok = succeeded || at - lastSuccess >= 5 * DAY;
          if (ok) lastSuccess = at;
          return call(ok ? 'succeeded' : 'failed', at);
        });
        expect(follow(made).disablings).toEqual([]);
      }),
    );
  });
});

describe('a 410', () => {
  const gone: Disabling = { reason: 'gone', cause: 'gone:d1000/0/1', since: 1_000, webhookVersion: 1 };

  it('disables at once', () => {
    expect(follow([call('gone', 1_000)]).disablings).toEqual([gone]);
  });

  it.each([
    ['was disabled already', { status: 'disabled' }],
    ['was deleted', { status: 'deleted' }],
    ['was enabled again since', { enabledAt: 1_001 }],
    ['calls another endpoint since', { version: 2, callVersion: 2 }],
  ] as const)('does not disable a webhook that %s', (_name, changes) => {
    expect(mustDisable(aWebhook(), gone)).toBe(true);
    expect(mustDisable(aWebhook(changes), gone)).toBe(false);
  });

  it('from before the webhook was enabled again says nothing', () => {
    expect(follow([call('gone', 1_000)], aWebhook({ enabledAt: 1_001 }))).toEqual({ failing: null, disablings: [] });
  });
});
