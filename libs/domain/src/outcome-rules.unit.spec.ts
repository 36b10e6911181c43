import { ATTEMPT_ERRORS, OutcomeSchema, type Attempt, type AttemptError } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import { decideOutcome } from './outcome-rules.js';

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
) =>
  decideOutcome({
    webhook: aWebhook({ retry: { delaysMs: [1_000], maxAgeMs: 60_000 } }),
    ids,
    result: { statusCode, error, retryAfterMs, attempt: attemptOf(statusCode, error) },
    nowMs: NOW,
    jitter: 0.5,
  });

describe('a call that ended with', () => {
  it.each([200, 201, 202, 204, 299])('%i has succeeded', (statusCode) => {
    expect(decide(statusCode)).toStrictEqual({ outcome: 'succeeded', at: NOW, attempt: attemptOf(statusCode, null) });
  });

  it.each([408, 425, 429, 500, 501, 502, 503, 504, 599, 301, 302, 307, 308, 304, 199])(
    '%i is made again',
    (statusCode) => {
      expect(decide(statusCode)).toStrictEqual({
        outcome: 'attempted',
        at: NOW,
        attempt: attemptOf(statusCode, null),
        nextAttemptAt: NOW + 1_000,
      });
    },
  );

  it.each([400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499])('%i is not made again', (statusCode) => {
    expect(decide(statusCode)).toMatchObject({ outcome: 'exhausted', reason: `status-${statusCode}` });
  });

  it.each(ATTEMPT_ERRORS.filter((error) => error !== 'address-refused'))('the error %s is made again', (error) => {
    expect(decide(null, error)).toMatchObject({ outcome: 'attempted', nextAttemptAt: NOW + 1_000 });
  });

  it('a redirect, which is not followed, is made again whether it comes as status or as error', () => {
    expect(decide(302, 'redirect')).toMatchObject({ outcome: 'attempted' });
  });

  it('a success whose body was too large to read is made again', () => {
    expect(decide(200, 'response-too-large')).toMatchObject({ outcome: 'attempted' });
  });

  it('a refused address is not made again', () => {
    expect(decide(null, 'address-refused')).toMatchObject({ outcome: 'exhausted', reason: 'address-refused' });
  });

  it('a failure on the last try is the end', () => {
    expect(decide(503, null, { number: 2, acceptedAt: 9_000 })).toMatchObject({
      outcome: 'exhausted',
      reason: 'tries',
    });
  });

  it('a failure whose next try would come too late has expired', () => {
    expect(decide(503, null, { number: 1, acceptedAt: NOW - 59_500 })).toMatchObject({
      outcome: 'expired',
      reason: 'max-age',
    });
  });

  it('a failure that asks for a pause gets it', () => {
    expect(decide(503, null, undefined, 5_000)).toMatchObject({ nextAttemptAt: NOW + 5_000 });
  });

  it('anything, is an outcome by the schema', () => {
    for (const status of [200, 301, 404, 500]) expect(() => OutcomeSchema.parse(decide(status))).not.toThrow();
  });
});
