import { HEADER, PreparedCallSchema, headerText, splitParts, type Webhook } from '@switchhook/contracts';
import { profileOf, readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { sign } from './sign.js';
import {
  ACCEPTED_AT,
  CountersInMemory,
  DATA,
  OneSecret,
  SECRET,
  WebhooksInMemory,
  outcomeOf,
  requestAt,
  webhook,
  withIds,
} from './testing/fakes.js';

function start(webhooks: WebhooksInMemory, { nowMs = ACCEPTED_AT + 50, keys = new OneSecret() } = {}) {
  const counters = new CountersInMemory();
  const run = sign({ webhooks, keys, counters, now: () => nowMs });
  return { counters, run: (...records: LogRecord[]) => run({ records }) };
}

const hooks = (...known: Webhook[]): WebhooksInMemory => new WebhooksInMemory(...known);

function opened(record: OutgoingRecord) {
  const [call, body, data] = splitParts(record.value!, record.headers);
  return { call: PreparedCallSchema.parse(JSON.parse(call!.toString())), body: body!, data: data! };
}

describe('a request becomes a signed call', () => {
  it('that libraries of others verify, over the very bytes that will be sent', async () => {
    const nowMs = Date.now();
    const { run } = start(hooks(webhook(1)), { nowMs });
    const fresh = withIds(requestAt(0, 1), { acceptedAt: nowMs });
    const { call, body } = opened((await run(fresh))[0]!);
    for (const verifier of [new StandardWebhook(SECRET), new SvixWebhook(SECRET)]) {
      expect(() => verifier.verify(body.toString(), call.headers)).not.toThrow();
      expect(() => verifier.verify(`${body.toString()} `, call.headers)).toThrow();
    }
    expect(JSON.parse(body.toString())).toMatchObject({ specversion: '1.0', id: 'event-0', accountid: '7' });
    expect(body.includes(DATA)).toBe(true);
  });

  it('with the URL, and every header of a call', async () => {
    const { run } = start(hooks(webhook(1)));
    const record = withIds(requestAt(0, 1), { number: 4 });
    const [signed] = await run(record);
    const { call, data } = opened(signed!);
    const { deliveryId } = readAttemptIds(record.headers);
    expect(call).toMatchObject({ method: 'POST', url: 'https://receiver.example/1', signingKeyIds: ['sk_1'] });
    expect(call.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Switchhook/1',
      'webhook-id': deliveryId,
      'webhook-timestamp': '1700000000',
      'switchhook-delivery': deliveryId,
      'switchhook-attempt': '4',
      traceparent: headerText(record.headers, HEADER.traceparent),
    });
    expect(data.equals(DATA)).toBe(true);
  });

  it('to the fallback when its target is that, signed anew, and to the callback where there is none any more', async () => {
    const request = requestAt(0, 1, { [HEADER.target]: 'fallback 1' });
    const fallbackCallback = 'https://fallback.example/1';
    const [signed] = await start(hooks(webhook(1, { fallbackCallback }))).run(request);
    expect(opened(signed!).call.url).toBe(fallbackCallback);
    expect(signed!.headers[HEADER.target]).toBe('fallback 1');
    const [withoutFallback] = await start(hooks(webhook(1))).run(request);
    expect(opened(withoutFallback!).call.url).toBe('https://receiver.example/1');
    const [first] = await start(hooks(webhook(1, { fallbackCallback }))).run(requestAt(0, 1));
    expect(opened(first!).call.url).toBe('https://receiver.example/1');
  });

  it('whose attempt names its run when it is not the first', async () => {
    const { run } = start(hooks(webhook(1)));
    const [signed] = await run(withIds(requestAt(0, 1), { run: 2, number: 3 }));
    expect(opened(signed!).call.headers['switchhook-attempt']).toBe('3;run=2');
  });

  it('which says the place of its event on the log where its webhook keeps the order of subjects', async () => {
    const { run } = start(hooks(webhook(1, { ordering: 'key' }), webhook(2)));
    const signed = await run(
      withIds(requestAt(0, 1), { origin: '3:77' }),
      withIds(requestAt(1, 2), { origin: '3:78' }),
    );
    const sequences = signed.map((each) => opened(each).call.headers['switchhook-sequence']);
    expect(sequences).toEqual(['77', undefined]);
  });

  it('with the ids of its request, signed under the version that is known now', async () => {
    const { run } = start(hooks(webhook(1, { version: 9, callback: 'https://new.example/' })));
    const record = requestAt(0, 1);
    const [signed] = await run(record);
    expect(signed).toMatchObject({ topic: 'deliveries.signed.v1', key: '1' });
    expect(readAttemptIds(signed!.headers)).toEqual({ ...readAttemptIds(record.headers), webhookVersion: 9 });
    expect(signed!.headers).toMatchObject({
      [HEADER.signedAt]: String(ACCEPTED_AT + 50),
      [HEADER.attributes]: requestAt(0, 1).headers[HEADER.attributes],
    });
    expect(opened(signed!).call.url).toBe('https://new.example/');
  });

  it.each(['spent', 'expired'] as const)('also for a webhook that is %s: it was matched before', async (status) => {
    const { run } = start(hooks(webhook(1, { status })));
    expect((await run(requestAt(0, 1)))[0]?.topic).toBe('deliveries.signed.v1');
  });

  it('without a signature when the webhook has no secret and the profile allows that', async () => {
    const { run } = start(hooks(webhook(1, { secret: undefined, profile: 'callfire-v2' })), {
      keys: { keysOf: () => ({ keys: [], keyIds: [] }) } as unknown as OneSecret,
    });
    const { call } = opened((await run(requestAt(0, 1)))[0]!);
    expect(call.signingKeyIds).toEqual([]);
    expect(Object.keys(call.headers)).not.toContain('X-CallFire-Signature');
  });

  it('in the order of the requests, whoever’s keys come late', async () => {
    const ids = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(ids, fc.subarray([1, 2, 3, 4]), fc.subarray([1, 2, 3, 4]), async (asked, slow, broken) => {
        const known = hooks(...[1, 2, 3, 4].map((id) => webhook(id)));
        const { run } = start(known, { keys: new OneSecret(slow, broken) });
        const records = asked.map((id, position) => requestAt(position, id));
        const outputs = await run(...records);
        expect(outputs.map(({ headers }) => headers[HEADER.attributes])).toEqual(
          records.map(({ headers }) => headers[HEADER.attributes]),
        );
      }),
    );
  });
});

describe('a request waits', () => {
  it('until its webhook is known in its version: absence is never an answer', async () => {
    const webhooks = hooks(webhook(1));
    const { run } = start(webhooks);
    await expect(run(requestAt(0, 1), requestAt(1, 2))).rejects.toThrow(HoldError);
    await expect(run(withIds(requestAt(0, 1), { webhookVersion: 4 }))).rejects.toThrow(HoldError);
    webhooks.announced.push(webhook(2));
    expect(await run(requestAt(0, 1), requestAt(1, 2))).toHaveLength(2);
  });

  it('for an upgrade, when its layout is newer than ours', async () => {
    const { run } = start(hooks(webhook(1)));
    await expect(run(requestAt(0, 1), requestAt(1, 1, { [HEADER.schema]: '2' }))).rejects.toThrow(HoldError);
  });

  it('for nothing else: what is known is not asked for', async () => {
    const webhooks = hooks(webhook(1));
    await start(webhooks).run(requestAt(0, 1));
    expect(webhooks.endsAsked).toBe(0);
  });
});

describe('a request ends without a call', () => {
  const maxAgeMs = profileOf('standard').rules.maxAgeMs;
  const large = Buffer.from(`"${'x'.repeat(1024 * 1024)}"`);
  interface End {
    readonly change?: Partial<Webhook>;
    readonly data?: Buffer;
    readonly ageMs?: number;
    readonly outcome: string;
    readonly reason: string;
  }
  it.each<[string, End]>([
    ['disabled', { change: { status: 'disabled' }, outcome: 'cancelled', reason: 'disabled' }],
    ['deleted', { change: { status: 'deleted' }, outcome: 'cancelled', reason: 'deleted' }],
    ['too old', { ageMs: maxAgeMs + 1, outcome: 'expired', reason: 'max-age' }],
    ['too old for itself', { change: { retry: { maxAgeMs: 10 } }, ageMs: 11, outcome: 'expired', reason: 'max-age' }],
    ['over 1 MiB', { data: large, outcome: 'exhausted', reason: 'too-large' }],
  ])('%s', async (_, { change, data, ageMs = 50, outcome, reason }) => {
    const record = requestAt(0, 1, {}, data);
    const { run, counters } = start(hooks(webhook(1, change)), { nowMs: ACCEPTED_AT + ageMs });
    const [first, ...more] = await run(record);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ topic: 'deliveries.outcomes.v1', key: record.key });
    expect(outcomeOf(first!)).toEqual({ outcome, reason, at: ACCEPTED_AT + ageMs });
    expect(readAttemptIds(first!.headers)).toEqual(readAttemptIds(record.headers));
    expect(first!.headers).toMatchObject({
      [HEADER.outcome]: outcome,
      [HEADER.attributes]: record.headers[HEADER.attributes],
    });
    expect(counters.refusals).toEqual([outcome]);
  });

  it('at its last moment is still signed', async () => {
    const { run } = start(hooks(webhook(1)), { nowMs: ACCEPTED_AT + maxAgeMs });
    expect((await run(requestAt(0, 1)))[0]?.topic).toBe('deliveries.signed.v1');
  });

  it('when the secret cannot be opened: its partition goes on', async () => {
    const { run } = start(hooks(webhook(1), webhook(2)), { keys: new OneSecret([], [1]) });
    const [ended, signed] = await run(requestAt(0, 1), requestAt(1, 2));
    expect(outcomeOf(ended!)).toMatchObject({ outcome: 'exhausted', reason: 'secret-unreadable' });
    expect(signed?.topic).toBe('deliveries.signed.v1');
  });

  it.each<[string, LogRecord]>([
    ['without a value', { ...requestAt(0, 1), value: null }],
    ['of an unknown kind', requestAt(0, 1, { [HEADER.kind]: 'dance' })],
    ['with unreadable attributes', requestAt(0, 1, { [HEADER.attributes]: 'first' })],
    ['with lengths that do not add up', requestAt(0, 1, { [HEADER.parts]: '3,4' })],
    ['with the webhook of another account', withIds(requestAt(0, 1), { accountId: 8 })],
  ])('%s: it is kept as it came and its delivery is rejected', async (_, record) => {
    const { run } = start(hooks(webhook(1)));
    const [kept, outcome, signed] = await run(record, requestAt(1, 1));
    expect(kept).toMatchObject({ topic: 'deliveries.requested.v1.rejected', key: record.key, value: record.value });
    expect(kept!.headers).toMatchObject(record.headers);
    expect(headerText(kept!.headers, HEADER.reason)).toMatch(/^unreadable: /);
    expect(outcomeOf(outcome!)).toMatchObject({ outcome: 'rejected', reason: 'unreadable' });
    expect(signed?.topic).toBe('deliveries.signed.v1');
  });

  it('without a delivery to name is kept, and that is all', async () => {
    const { run } = start(hooks(webhook(1)));
    const outputs = await run(withIds(requestAt(0, 1), { deliveryId: 'who knows' }));
    expect(outputs.map(({ topic }) => topic)).toEqual(['deliveries.requested.v1.rejected']);
  });
});
