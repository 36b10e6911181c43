import {
  ATTEMPT_ERRORS,
  OutcomeSchema,
  PROFILE_NAMES,
  type Attempt,
  type AttemptError,
  type Outcome,
  type ProfileName,
} from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { classOfCall, type CallClass } from './call-class.js';
import { aWebhook } from './event.spec-support.js';
import type { AttemptTarget } from './fallback.js';
import { consequenceOf, decideOutcome } from './outcome-rules.js';
import { profileOf } from './profiles/profile-of.js';

const NOW = 10_000;
const attemptOf = (statusCode: number | null, error: AttemptError | null): Attempt => ({
  run: 0,
  number: 1,
  startedAt: 9_000,
  durationMs: 12.5,
  url: 'https://example.com/hook',
  statusCode,
  error,
  responseBody: null,
  bodyHash: 'hash',
  signingKeyIds: [],
  traceId: 'trace',
});
const decide = (
  statusCode: number | null,
  error: AttemptError | null = null,
  ids = { number: 1, acceptedAt: 9_000 },
  retryAfterMs?: number,
  profile: ProfileName = 'callfire-v2',
) =>
  decideOutcome({
    webhook: aWebhook({ profile, retry: { delaysMs: [1_000], maxAgeMs: 60_000 } }),
    ids,
    result: { statusCode, error, retryAfterMs, attempt: attemptOf(statusCode, error) },
    nowMs: NOW,
    jitter: 0.5,
  });

/** What the table says of each kind of call, in the words of its profile's page; both profiles say the same. */
const TABLE: readonly [
  CallClass,
  readonly [number | null, AttemptError | null][],
  'succeeded' | 'attempted' | string,
][] = [
  ['success', [200, 201, 202, 204, 299].map((code) => [code, null]), 'succeeded'],
  ['redirect', [300, 301, 302, 303, 304, 307, 308, 399].map((code) => [code, null]), 'attempted'],
  ['redirect', [[302, 'redirect']], 'attempted'],
  ['request-timeout', [[408, null]], 'attempted'],
  ['too-early', [[425, null]], 'attempted'],
  ['too-many-requests', [[429, null]], 'attempted'],
  ['server-error', [500, 501, 502, 503, 504, 599].map((code) => [code, null]), 'attempted'],
  [
    'unexpected-status',
    [
      [199, null],
      [600, null],
    ],
    'attempted',
  ],
  ['timeout', [[null, 'timeout']], 'attempted'],
  ['refused', [[null, 'refused']], 'attempted'],
  ['reset', [[null, 'reset']], 'attempted'],
  ['dns', [[null, 'dns']], 'attempted'],
  ['tls', [[null, 'tls']], 'attempted'],
  ['protocol', [[null, 'protocol']], 'attempted'],
  [
    'response-too-large',
    [
      [200, 'response-too-large'],
      [null, 'response-too-large'],
    ],
    'attempted',
  ],
  ['client-error', [400, 401, 403, 404, 405, 409, 413, 415, 422, 451, 499].map((code) => [code, null]), 'status-'],
  ['gone', [[410, null]], 'status-410'],
  ['address-refused', [[null, 'address-refused']], 'address-refused'],
];
const rows = TABLE.flatMap(([row, calls, meaning]) =>
  calls.map(([statusCode, error]) => ({
    row,
    statusCode,
    error,
    meaning: meaning === 'status-' ? `status-${statusCode}` : meaning,
  })),
);

describe.each(PROFILE_NAMES)('the outcome of a call, under the profile %s', (profile) => {
  it.each(rows)('$row: $statusCode $error means $meaning', ({ row, statusCode, error, meaning }) => {
    expect(classOfCall({ statusCode, error }, profileOf(profile).accepts)).toBe(row);
    const base = { at: NOW, attempt: attemptOf(statusCode, error) };
    const expected = {
      succeeded: { outcome: 'succeeded', ...base },
      attempted: { outcome: 'attempted', ...base, nextAttemptAt: NOW + 1_000 },
    }[meaning] ?? { outcome: 'exhausted', ...base, reason: meaning };
    const outcome = decide(statusCode, error, undefined, undefined, profile);
    expect(outcome).toStrictEqual(expected);
    expect(() => OutcomeSchema.parse(outcome)).not.toThrow();
  });

  it('has a row for everything that a call can come to', () => {
    expect(new Set(rows.map(({ row }) => row))).toEqual(new Set(Object.keys(profileOf(profile).rules.outcomes)));
    expect(rows.map(({ error }) => error)).toEqual(expect.arrayContaining([...ATTEMPT_ERRORS]));
  });

  it('410 is the only one that disables the webhook', () => {
    const disabling = rows.filter((call) => consequenceOf({ profile }, call) === 'disable');
    expect(disabling.map(({ statusCode }) => statusCode)).toEqual([410]);
  });
});

describe('a failure', () => {
  it('on the last try is the end', () => {
    expect(decide(503, null, { number: 2, acceptedAt: 9_000 })).toMatchObject({
      outcome: 'exhausted',
      reason: 'tries',
    });
  });

  it('whose next try would come too late has expired', () => {
    expect(decide(503, null, { number: 1, acceptedAt: NOW - 59_500 })).toMatchObject({
      outcome: 'expired',
      reason: 'max-age',
    });
  });

  it('that asks for a pause gets it', () => {
    expect(decide(503, null, undefined, 5_000)).toMatchObject({ nextAttemptAt: NOW + 5_000 });
  });
});

describe('a failure of a webhook with a fallback', () => {
  const webhook = aWebhook({
    fallbackCallback: 'https://example.com/fallback',
    retry: { delaysMs: [1_000], maxAgeMs: 60_000 },
  });
  const first: AttemptTarget = { to: 'primary', fallbackTries: 0, primaryEnded: false };
  const fail = (target: AttemptTarget, number: number, statusCode: number, acceptedAt = 9_000) =>
    decideOutcome({
      webhook,
      ids: { number, acceptedAt },
      target,
      result: { statusCode, error: null, retryAfterMs: 7_000, attempt: attemptOf(statusCode, null) },
      nowMs: NOW,
      jitter: 0.5,
    });

  it.each<[string, Outcome, object]>([
    [
      'of the primary is followed by the fallback at once, whatever the primary asks for',
      fail(first, 1, 503),
      { outcome: 'attempted', nextAttemptAt: NOW, nextTarget: 'fallback 0' },
    ],
    [
      'of the primary for good, too, and then it is not asked again',
      fail(first, 1, 404),
      { outcome: 'attempted', nextAttemptAt: NOW, nextTarget: 'fallback 0 ended' },
    ],
    [
      'of the fallback in between is followed by the next try of the primary, in its time',
      fail({ ...first, to: 'fallback' }, 2, 503),
      { outcome: 'attempted', nextAttemptAt: NOW + 1_000, nextTarget: 'primary 1' },
    ],
    [
      'of the fallback alone is followed by its next try, when it asks for it',
      fail({ ...first, to: 'fallback', primaryEnded: true }, 2, 503),
      { outcome: 'attempted', nextAttemptAt: NOW + 7_000, nextTarget: 'fallback 1 ended' },
    ],
    [
      'of the last try of both is the end',
      fail({ to: 'fallback', fallbackTries: 1, primaryEnded: true }, 4, 503),
      { outcome: 'exhausted', reason: 'tries' },
    ],
    [
      'of the fallback alone for good is the end, for its reason',
      fail({ ...first, to: 'fallback', primaryEnded: true }, 2, 410),
      { outcome: 'exhausted', reason: 'status-410' },
    ],
    [
      'with 410 from the primary ends the delivery: nobody else is asked',
      fail(first, 1, 410),
      { reason: 'status-410' },
    ],
    ['too late for another call has expired', fail(first, 1, 503, NOW - 60_001), { outcome: 'expired' }],
  ])('%s', (_name, outcome, expected) => {
    expect(outcome).toMatchObject(expected);
    expect(() => OutcomeSchema.parse(outcome)).not.toThrow();
  });
});
