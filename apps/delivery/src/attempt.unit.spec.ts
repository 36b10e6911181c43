import { createHash } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { HEADER, TOPICS, headerText, splitParts, type Outcome, type Webhook } from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAttemptIds } from '@switchhook/domain';
import { attempt, readRetryAfter } from './attempt.js';
import { idsFixture, signedFixture, webhookFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import type { CallAnswer, CallToSend } from './http-sender.js';
import { InHand } from './in-hand.js';
import type { Presented, Unreadable } from './presented.js';
import { OutcomeWriter } from './record-outcome.js';
import { scheduleChange } from './schedule-row.js';
import { readSigned } from './signed-delivery.js';

const ANSWERED: CallAnswer = { statusCode: 200, error: null, responseBody: 'fine', abandoned: false };

/** Makes one attempt whose call is answered with `answer`; the clock stands at `nowMs`. */
async function attemptOnce(given: {
  answer?: Partial<CallAnswer>;
  webhook?: Partial<Webhook>;
  signedVersion?: number;
  nowMs?: number;
  /** The breaker lets nothing through. */
  held?: boolean;
  presented?: Presented | Unreadable;
  /** The credentials have to be opened first; meanwhile the webhook becomes this. */
  becomes?: Partial<Webhook>;
  /** The log has the end of its delivery already. */
  ended?: boolean;
  /** The header that says which URL it goes to. */
  target?: string;
  retryAt?: number;
}) {
  const published: OutgoingRecord[] = [];
  const sent: CallToSend[] = [];
  const settled: string[] = [];
  const names = new FinishedNames();
  const inHand = new InHand();
  let known = webhookFixture(given.webhook);
  let isOpened = given.becomes === undefined;
  const opened = async () => {
    isOpened = true;
    known = webhookFixture(given.becomes);
    return given.presented as Presented;
  };
  const signed = signedFixture(1, 10, { version: given.signedVersion ?? 1 });
  const headers = given.target === undefined ? signed.headers : { ...signed.headers, [HEADER.target]: given.target };
  const delivery = readSigned({ ...signed, headers });
  const targets: (string | undefined)[] = [];
  inHand.take(delivery, () => settled.push(delivery.name));
  if (given.ended) names.addEnded(delivery.ids);
  const writer = new OutcomeWriter({
    log: { publish: async (records) => (published.push(...records), []) },
    names,
    inHand,
    onUnavailable: () => undefined,
    onAcknowledged: () => undefined,
  });
  const make = attempt({
    webhooks: { get: () => known, has: () => true },
    presentedBy: () => (isOpened ? given.presented : opened()),
    send: async (_webhook, call, target) => {
      targets.push(target?.to);
      return given.held ? 'held' : (sent.push(call), { ...ANSWERED, ...given.answer });
    },
    heldTimes: () => ({ since: 400, nextAttemptAt: 5_000 }),
    retryAt: () => given.retryAt,
    writer,
    now: () => given.nowMs ?? 1_000,
    random: () => 0.5,
    onAttempted: () => undefined,
  });
  await make(delivery, new AbortController().signal);
  const isAtOnce = published.length > 0;
  writer.flush();
  await nextTick();
  const [record] = published;
  const facts = record && splitParts(record.value ?? Buffer.alloc(0), record.headers)[0]?.toString();
  const outcome = record?.topic === TOPICS.outcomes.name ? (JSON.parse(facts ?? '') as Outcome) : undefined;
  return { record, outcome, isAtOnce, sent, targets, settled, finished: names.has(delivery.name), delivery };
}

describe('an attempt', () => {
  it('is not made of a delivery whose end somebody else has written, and is let go of', async () => {
    const { sent, record, settled, delivery } = await attemptOnce({ ended: true });
    expect([sent, record, settled]).toEqual([[], undefined, [delivery.name]]);
  });

  it('records what was sent, by its hash, and what came back', async () => {
    const { outcome, settled, finished } = await attemptOnce({});
    expect(outcome).toMatchObject({
      outcome: 'succeeded',
      attempt: {
        run: 0,
        number: 1,
        url: 'http://receiver.example/',
        statusCode: 200,
        error: null,
        responseBody: 'fine',
        bodyHash: createHash('sha256').update('body').digest('base64url'),
        signingKeyIds: ['sk_1'],
        traceId: '0123456789abcdef0123456789abcdef',
      },
    });
    expect(settled).toHaveLength(1);
    expect(finished).toBe(true);
  });

  it('whose outcome something is to follow writes it at once; the success of any other waits for more', async () => {
    expect((await attemptOnce({})).isAtOnce).toBe(false);
    expect((await attemptOnce({ webhook: { ordering: 'key' } })).isAtOnce).toBe(true);
    expect((await attemptOnce({ answer: { statusCode: 503 } })).isAtOnce).toBe(true);
    expect((await attemptOnce({ answer: { statusCode: 410 } })).isAtOnce).toBe(true);
  });

  it('presents what the webhook has', async () => {
    const presented = { headers: { 'x-key': 'k' }, whenAsked: undefined, tls: undefined };
    expect((await attemptOnce({ presented })).sent[0]?.presented).toBe(presented);
    expect((await attemptOnce({ presented, becomes: {} })).sent[0]?.presented).toBe(presented);
  });

  it('is not made under a webhook that has changed while its credentials were being opened', async () => {
    const presented = { headers: {}, whenAsked: undefined, tls: undefined };
    const changed = await attemptOnce({ presented, becomes: { version: 2, callVersion: 2 } });
    expect(changed.sent).toEqual([]);
    expect(changed.record?.topic).toBe(TOPICS.requested.name);
    const disabled = await attemptOnce({ presented, becomes: { status: 'disabled' } });
    expect([disabled.sent, disabled.outcome?.outcome]).toEqual([[], 'cancelled']);
  });

  it('ends the delivery when the credentials do not open: nothing is sent without them', async () => {
    const { sent, outcome, finished } = await attemptOnce({ presented: { unreadable: 'another key' } });
    expect(sent).toEqual([]);
    expect(outcome).toEqual({ outcome: 'exhausted', at: 1_000, reason: 'secret-unreadable' });
    expect(finished).toBe(true);
  });

  it('gives the call the time of the webhook, or else of its profile', async () => {
    expect((await attemptOnce({ webhook: { timeoutMs: 700 } })).sent[0]?.timeoutMs).toBe(700);
    expect((await attemptOnce({})).sent[0]?.timeoutMs).toBe(15_000);
  });

  it('has a next try after a 503, not before the time that the endpoint asked for', async () => {
    const { outcome } = await attemptOnce({ answer: { statusCode: 503, retryAfter: '40' } });
    expect(outcome).toMatchObject({ outcome: 'attempted' });
    expect(outcome?.nextAttemptAt).toBeGreaterThanOrEqual(41_000);
  });

  it('has no outcome when we broke the call off: the next owner makes it again', async () => {
    const { record, settled, finished } = await attemptOnce({ answer: { abandoned: true, error: 'reset' } });
    expect([record, settled, finished]).toEqual([undefined, [], false]);
  });

  it('is parked, uncounted and without a time of its own, when the breaker lets nothing through', async () => {
    const { outcome, settled, finished } = await attemptOnce({ held: true });
    expect(outcome).toEqual({
      outcome: 'deferred',
      at: 1_000,
      reason: 'circuit-open',
      since: 400,
      nextAttemptAt: 5_000,
    });
    expect(settled).toHaveLength(1);
    expect(finished).toBe(false);
  });

  it.each(['disabled', 'deleted'] as const)('is cancelled when the webhook was %s while it waited', async (status) => {
    const { outcome, sent } = await attemptOnce({ webhook: { status } });
    expect(outcome).toMatchObject({ outcome: 'cancelled', reason: status });
    expect(sent).toEqual([]);
  });
});

describe('an attempt of a webhook with a fallback', () => {
  const webhook = { fallbackCallback: 'http://fallback.example/', retry: { delaysMs: [500], maxAgeMs: 60_000 } };

  it('goes to the fallback when its header says so, and the outcome says that it did', async () => {
    const { outcome, targets } = await attemptOnce({ webhook, target: 'fallback 0' });
    expect(targets).toEqual(['fallback']);
    expect(outcome).toMatchObject({ outcome: 'succeeded', attempt: { target: 'fallback', number: 1 } });
  });

  it('goes to the callback otherwise, and its failure sends the next one to the fallback', async () => {
    const { outcome, targets } = await attemptOnce({ webhook, answer: { statusCode: 503 } });
    expect(targets).toEqual(['primary']);
    expect(outcome).toMatchObject({ outcome: 'attempted', nextAttemptAt: 1_000, nextTarget: 'fallback 0' });
    expect(outcome?.attempt).not.toHaveProperty('target');
  });

  it('goes to the callback when the fallback was taken away, whatever its header says', async () => {
    const { targets } = await attemptOnce({ target: 'fallback 0' });
    expect(targets).toEqual([undefined]);
  });

  it('that its breaker holds back is made again at once, with the fallback, uncounted', async () => {
    const { record, outcome, finished } = await attemptOnce({ webhook, held: true });
    const reason = 'circuit-open';
    expect(outcome).toEqual({
      outcome: 'deferred',
      at: 1_000,
      reason,
      since: 400,
      nextAttemptAt: 1_000,
      nextTarget: 'fallback 0',
    });
    expect(finished).toBe(false);
    const change = scheduleChange(
      { ...record!, partition: 0, position: 1, appendedAtMs: 1, key: null },
      { get: () => undefined, has: () => true },
      new FinishedNames(),
    );
    expect(change).toMatchObject({
      row: { dueAt: 1_000, ids: { number: 1, deferrals: 1 }, headers: { [HEADER.target]: 'fallback 0' } },
    });
  });

  it.each([
    ['when the breaker lets it through', 9_000, 9_000],
    ['after a second, while a trial is under way', 900, 2_000],
  ])('to a fallback that is held back as well is made again %s', async (_name, retryAt, nextAttemptAt) => {
    const { outcome } = await attemptOnce({ webhook, held: true, target: 'fallback 1', retryAt });
    expect(outcome).toMatchObject({ outcome: 'deferred', nextAttemptAt, nextTarget: 'fallback 1' });
  });

  it('may reach this machine only by the one callback that was granted that', async () => {
    const granted = { ...webhook, allowLoopback: true };
    expect((await attemptOnce({ webhook: granted })).sent[0]?.allowLoopback).toBe(true);
    expect((await attemptOnce({ webhook: granted, target: 'fallback 0' })).sent[0]?.allowLoopback).toBe(false);
  });
});

describe('a stale call', () => {
  it.each<[string, Parameters<typeof attemptOnce>[0]]>([
    ['signed more than two minutes ago', { nowMs: 120_001 }],
    [
      'signed before the URL, the headers or a key were changed',
      { webhook: { version: 5, callVersion: 3 }, signedVersion: 2 },
    ],
  ])('goes back to signing, uncounted, when it was %s', async (_why, given) => {
    const { record, sent, settled, finished, delivery } = await attemptOnce(given);
    expect(sent).toEqual([]);
    expect(record).toMatchObject({
      topic: TOPICS.requested.name,
      value: Buffer.from('{"a":1}'),
      key: Buffer.from('1'),
    });
    const header = (name: string) => headerText(record?.headers ?? {}, name);
    expect(header(HEADER.attributes)).toBe('event-1');
    expect(header(HEADER.parts)).toBeUndefined();
    const { number, webhookVersion } = readAttemptIds(record?.headers ?? {});
    expect({ number, webhookVersion }).toEqual({ number: 1, webhookVersion: given.webhook?.version ?? 1 });
    expect(settled).toEqual([delivery.name]);
    expect(finished).toBe(false);
  });

  it('is not what a change of name or labels makes of it', async () => {
    const { sent } = await attemptOnce({ webhook: { version: 5, callVersion: 2 }, signedVersion: 2 });
    expect(sent).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  const { TZ } = process.env;
  // A date means the same wherever we run.
  beforeAll(() => void (process.env['TZ'] = 'America/Los_Angeles'));
  afterAll(() => {
    if (TZ === undefined) delete process.env['TZ'];
    else process.env['TZ'] = TZ;
  });

  it.each([
    ['120', 120_000],
    [' 7 ', 7_000],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 29_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Thursday, 01-Jan-70 00:00:30 GMT', 29_000],
    ['Thu Jan  1 00:00:30 1970', 29_000],
    ['99999999999', 99_999_999_999_000],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ])('%s → %s ms', (value, expected) => {
    expect(readRetryAfter(value, 1_000)).toBe(expected);
  });
});

it('names its attempt as its record does', () => {
  expect(readSigned(signedFixture(1, 10)).ids).toEqual(idsFixture(1));
});
