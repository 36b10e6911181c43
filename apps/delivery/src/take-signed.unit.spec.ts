import { HEADER, TOPICS, headerText, splitParts, type Outcome, type Webhook } from '@switchhook/contracts';
import { attemptName, readAttemptIds, attemptHeaders } from '@switchhook/domain';
import { HoldError, type Batch, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import { describe, expect, it } from 'vitest';
import { idsFixture, signedFixture, webhookFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import { InHand } from './in-hand.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './record-outcome.js';
import type { SignedDelivery } from './signed-delivery.js';
import { takeSigned } from './take-signed.js';

/** Everything but the endpoint: calls end when the test says so, outcomes are acknowledged while the log is there. */
function service(options: { webhook?: Partial<Webhook>; laneRecordsMax?: number; gated?: boolean } = {}) {
  const published: OutgoingRecord[] = [];
  const settled: number[] = [];
  const held: number[] = [];
  const calls: { delivery: SignedDelivery; end: (outcome?: Outcome) => Promise<void> }[] = [];
  const names = new FinishedNames();
  const inHand = new InHand();
  const known = webhookFixture(options.webhook);
  const writer = new OutcomeWriter({
    log: { publish: async (records) => (published.push(...records), []) },
    names,
    inHand,
    onUnavailable: () => undefined,
    onAcknowledged: () => undefined,
  });
  const lanes = new Lanes<SignedDelivery>({
    start: (delivery) =>
      new Promise((resolve) => {
        const end = async (outcome?: Outcome) => {
          if (outcome) await writer.record(delivery, outcome);
          resolve();
        };
        calls.push({ delivery, end });
      }),
    concurrencyOf: () => 2,
    limitOf: () => Infinity,
    rateOf: () => known.rateLimit,
    mayStart: () => true,
    onRoom: () => undefined,
    now: () => 0,
    laneRecordsMax: options.laneRecordsMax ?? 100,
  });
  const take = takeSigned({
    webhooks: { get: () => known, has: (_id, version) => version <= known.version },
    names,
    inHand,
    lanes,
    order: { arrive: () => true },
    gates: {
      holds: () => (options.gated ? 'circuit-open' : undefined),
      hold: (webhook) => void held.push(webhook.id),
      limitRate: (webhook) => void held.push(webhook.id),
      times: (_webhook, reason) => (reason === 'circuit-open' ? { since: 4_000, nextAttemptAt: 5_000 } : {}),
    },
    writer,
    isOurs: (partition) => partition === 0,
    now: () => 77,
    onUnreadable: () => undefined,
  });
  const hand = (...records: LogRecord[]) => {
    const batch: Batch = {
      topic: TOPICS.signed.name,
      partition: records[0]?.partition ?? 0,
      records,
      signal: new AbortController().signal,
      settle: ({ position }) => settled.push(position),
    };
    return take(batch);
  };
  const outcomes = () => published.filter(({ topic }) => topic === TOPICS.outcomes.name);
  return { hand, published, outcomes, settled, calls, names, lanes, held };
}

const factsOf = (record: OutgoingRecord): Outcome =>
  JSON.parse(splitParts(record.value ?? Buffer.alloc(0), record.headers)[0]?.toString() ?? '') as Outcome;
const succeeded: Outcome = { outcome: 'succeeded', at: 1 };

describe('taking signed records', () => {
  it('lets progress pass a record only when the log has its outcome', async () => {
    const { hand, calls, settled, outcomes } = service();
    await hand(signedFixture(1, 10), signedFixture(2, 11));
    expect(settled).toEqual([]);
    await calls[1]?.end(succeeded);
    expect(settled).toEqual([11]);
    await calls[0]?.end(succeeded);
    expect(settled).toEqual([11, 10]);
    expect(outcomes().map((record) => headerText(record.headers, HEADER.outcome))).toEqual(['succeeded', 'succeeded']);
  });

  it('drops an attempt that was finished, and one that is under way, but counts the record as done', async () => {
    const { hand, calls, settled } = service();
    await hand(signedFixture(1, 10));
    await hand(signedFixture(1, 12));
    expect(settled).toEqual([12]);
    await calls[0]?.end(succeeded);
    await hand(signedFixture(1, 13));
    expect(settled).toEqual([12, 10, 13]);
    expect(calls).toHaveLength(1);
  });

  it('drops what was put off and is read again: its row holds it', async () => {
    const { hand, settled, outcomes, calls } = service({ laneRecordsMax: 1 });
    await hand(signedFixture(1, 10), signedFixture(2, 11));
    await Promise.resolve();
    await calls[0]?.end(succeeded);
    await hand(signedFixture(2, 12));
    expect(settled).toEqual([11, 10, 12]);
    expect([outcomes().length, calls.length]).toEqual([2, 1]);
  });

  it('does not count a record as done when it is handed on twice while its call is under way', async () => {
    const { hand, calls, settled } = service();
    await hand(signedFixture(1, 10));
    await hand(signedFixture(1, 10));
    expect(settled).toEqual([]);
    expect(calls).toHaveLength(1);
  });

  it('takes nothing of a partition that is not ours any more: it would never be called, and its repeat be dropped', async () => {
    const { hand, calls, settled, lanes } = service();
    await expect(hand({ ...signedFixture(1, 10), partition: 1 })).rejects.toThrow(HoldError);
    expect([calls.length, settled, lanes.counts().records]).toEqual([0, [], 0]);
  });

  it('takes nothing of a batch while the version of a webhook has not arrived', async () => {
    const { hand, calls } = service();
    await expect(hand(signedFixture(1, 10), signedFixture(2, 11, { version: 2 }))).rejects.toThrow(HoldError);
    expect(calls).toEqual([]);
  });

  it('parks what does not fit into the lane, with everything that is needed to request it again', async () => {
    const { hand, settled, outcomes, names } = service({ laneRecordsMax: 2 });
    await hand(signedFixture(1, 10), signedFixture(2, 11), signedFixture(3, 12));
    await Promise.resolve();
    expect(settled).toEqual([12]);
    const [parked] = outcomes();
    expect(parked && factsOf(parked)).toEqual({ outcome: 'deferred', at: 77, reason: 'lane-full', since: 77 });
    expect(parked && splitParts(parked.value ?? Buffer.alloc(0), parked.headers)[1]?.toString()).toBe('{"a":1}');
    expect(names.has(attemptName(idsFixture(3)))).toBe(false);
  });

  it('parks behind the gate what is fresh, and lets through what the schedule has released', async () => {
    const { hand, calls, outcomes, held } = service({ gated: true });
    const released = signedFixture(2, 11);
    await hand(signedFixture(1, 10), {
      ...released,
      headers: { ...released.headers, ...attemptHeaders({ ...readAttemptIds(released.headers), deferrals: 1 }) },
    });
    expect(outcomes().map(factsOf)).toEqual([
      { outcome: 'deferred', at: 77, reason: 'circuit-open', since: 4_000, nextAttemptAt: 5_000 },
    ]);
    expect(calls.map(({ delivery }) => delivery.record.position)).toEqual([11]);
    expect(held).toEqual([1, 1]);
  });

  it.each(['disabled', 'deleted'] as const)(
    'cancels, without a call, what is for a webhook that is %s',
    async (status) => {
      const { hand, calls, outcomes, settled } = service({ webhook: { status } });
      await hand(signedFixture(1, 10));
      await Promise.resolve();
      expect(calls).toEqual([]);
      expect(outcomes().map(factsOf)).toEqual([{ outcome: 'cancelled', at: 77, reason: status }]);
      expect(settled).toEqual([10]);
    },
  );

  it('keeps what cannot be read in the rejected topic, ends its delivery as rejected, and goes on', async () => {
    const { hand, published, calls, settled } = service();
    const broken = signedFixture(1, 10, { value: Buffer.from('not what the header says') });
    await hand(broken, signedFixture(2, 11));
    expect(published.map(({ topic }) => topic)).toEqual(['deliveries.signed.v1.rejected', TOPICS.outcomes.name]);
    expect(published[0]?.value).toEqual(broken.value);
    expect(published[1] && factsOf(published[1])).toMatchObject({ outcome: 'rejected', reason: 'unreadable' });
    expect(settled).toEqual([10]);
    expect(calls).toHaveLength(1);
  });

  it('takes all of a batch before it waits for anything: the partition might go away meanwhile', async () => {
    const { hand, calls } = service();
    const broken = signedFixture(1, 10, { value: Buffer.from('not what the header says') });
    const taking = hand(broken, signedFixture(2, 11));
    expect(calls).toHaveLength(1);
    await taking;
  });

  it('keeps a record whose ids cannot be, without an outcome that nobody could read, and goes on', async () => {
    const { hand, published, calls, settled } = service();
    const signed = signedFixture(1, 10);
    const headers = { ...signed.headers, ...attemptHeaders({ ...readAttemptIds(signed.headers), number: 0 }) };
    await hand({ ...signed, headers }, signedFixture(2, 11));
    expect(published.map(({ topic }) => topic)).toEqual(['deliveries.signed.v1.rejected']);
    expect([settled, calls.length]).toEqual([[10], 1]);
  });
});
