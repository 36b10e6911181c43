import { describe, expect, it } from 'vitest';
import { explainWait, type HeldNow, type Wait } from './explain-wait.js';

const at = (time: string): number => Date.parse(`2026-11-22T${time}Z`);
const NOW = at('12:00:00');
const SINCE = at('11:00:00');
const parkedFor = (reason: string | null, more: Partial<Wait> = {}): Wait => ({
  status: 'deferred',
  reason,
  since: SINCE,
  nextAttemptAt: null,
  lastAttempt: null,
  ...more,
});
const retry = (nextAttemptAt: number | null, more: Partial<Wait> = {}): Wait => ({
  status: 'pending',
  reason: null,
  since: null,
  nextAttemptAt,
  lastAttempt: { number: 2, statusCode: 503, error: null },
  ...more,
});
const OPEN: HeldNow = { circuit: { since: at('10:30:00'), nextProbeAt: at('12:05:00') } };
const PAUSED: HeldNow = { pausedSince: at('11:30:00') };

describe('why a delivery waits', () => {
  it.each<[string, Wait, HeldNow, string | null]>([
    [
      'behind an open breaker, as it is now',
      parkedFor('circuit-open', { nextAttemptAt: at('11:00:10') }),
      OPEN,
      'parked: circuit open since 2026-11-22T10:30:00.000Z, next try 2026-11-22T12:05:00.000Z',
    ],
    [
      'behind a breaker whose time has come',
      parkedFor('circuit-open'),
      { circuit: { since: SINCE, nextProbeAt: NOW } },
      'parked: circuit open since 2026-11-22T11:00:00.000Z, next try now',
    ],
    [
      'behind a breaker that has closed',
      parkedFor('circuit-open', { nextAttemptAt: at('12:05:00') }),
      {},
      'parked: circuit was open since 2026-11-22T11:00:00.000Z; goes out in its turn',
    ],
    [
      'behind a pause',
      parkedFor('paused'),
      PAUSED,
      'parked: paused since 2026-11-22T11:30:00.000Z, until it is resumed',
    ],
    [
      'behind a pause, whatever it was parked for',
      parkedFor('circuit-open'),
      { ...OPEN, ...PAUSED },
      'parked: paused since 2026-11-22T11:30:00.000Z, until it is resumed',
    ],
    [
      'behind a pause that has ended',
      parkedFor('paused'),
      {},
      'parked: was paused since 2026-11-22T11:00:00.000Z; goes out in its turn',
    ],
    [
      'for its rate',
      parkedFor('rate-limited'),
      {},
      'parked: over the rate limit of its webhook since 2026-11-22T11:00:00.000Z; goes out in its turn',
    ],
    [
      'for room',
      parkedFor('lane-full'),
      {},
      'parked: no room in the lane of its webhook since 2026-11-22T11:00:00.000Z; goes out in its turn',
    ],
    [
      'for its turn',
      parkedFor('order'),
      {},
      'parked: waits since 2026-11-22T11:00:00.000Z for the end of an earlier event of its subject',
    ],
    [
      'to be signed anew',
      parkedFor('stale', { nextAttemptAt: NOW }),
      {},
      'put off: signed too long ago or before its webhook was changed; to be signed anew, next try now',
    ],
    ['for what nobody knows here', parkedFor('new-reason', { since: null }), {}, 'parked: new-reason'],
    [
      'for the next try of a call that failed',
      retry(at('12:01:00')),
      OPEN,
      'attempt 2 failed: 503; next try 2026-11-22T12:01:00.000Z',
    ],
    [
      'for the next try of a call that got no answer',
      retry(at('12:01:00'), { lastAttempt: { number: 1, statusCode: null, error: 'timeout' } }),
      {},
      'attempt 1 failed: timeout; next try 2026-11-22T12:01:00.000Z',
    ],
    [
      'for a try that is held by a pause',
      retry(at('12:01:00')),
      PAUSED,
      'attempt 2 failed: 503; next try 2026-11-22T12:01:00.000Z, paused since 2026-11-22T11:30:00.000Z, until it is resumed',
    ],
    [
      'for a try that is due and held by a breaker',
      retry(at('11:59:00')),
      OPEN,
      'attempt 2 failed: 503; next try was due 2026-11-22T11:59:00.000Z, circuit open since 2026-11-22T10:30:00.000Z, next try 2026-11-22T12:05:00.000Z',
    ],
    [
      'for a try that is due and has no place yet',
      retry(at('11:59:00')),
      {},
      'attempt 2 failed: 503; next try was due 2026-11-22T11:59:00.000Z, goes out in its turn',
    ],
    [
      'for a try of which the log has no call',
      retry(at('12:01:00'), { lastAttempt: null }),
      {},
      'put off; next try 2026-11-22T12:01:00.000Z',
    ],
    ['not at all: it is on its way', retry(null), OPEN, null],
    ['no longer: it has ended', { ...retry(null), status: 'succeeded' }, PAUSED, null],
  ])('%s', (_what, wait, held, words) => {
    expect(explainWait(wait, held, NOW)).toBe(words);
  });

  it('is said of any time that a record may hold', () => {
    expect(explainWait(parkedFor('order', { since: Number.MAX_SAFE_INTEGER }), {}, NOW)).toContain('9007199254740991');
  });
});
