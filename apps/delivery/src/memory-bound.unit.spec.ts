import { attemptHeaders } from '@switchhook/domain';
import type { Batch } from '@switchhook/event-log';
import { describe, expect, it } from 'vitest';
import { idsFixture, signedFixture, webhookFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import { InHand } from './in-hand.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './record-outcome.js';
import type { SignedDelivery } from './signed-delivery.js';
import { takeSigned } from './take-signed.js';

const EVENTS = 200_000;
const BATCH = 500;

/** A delivery whose only endpoint hangs for ever, on a log that acknowledges each write later. */
function deadEndpoint() {
  const webhook = webhookFixture();
  const inHand = new InHand();
  let parked = 0;
  const writer = new OutcomeWriter({
    log: {
      publish: async (records) => {
        await new Promise(setImmediate);
        parked += records.length;
        return [];
      },
    },
    names: new FinishedNames(),
    inHand,
    onUnavailable: () => undefined,
    onAcknowledged: () => undefined,
  });
  const lanes = new Lanes<SignedDelivery>({
    start: () => new Promise(() => undefined),
    concurrencyOf: () => 16,
    limitOf: () => Infinity,
    rateOf: () => undefined,
    mayStart: () => writer.mayStart(),
    onRoom: () => undefined,
    now: () => 0,
  });
  const take = takeSigned({
    webhooks: { get: () => webhook, has: () => true },
    names: new FinishedNames(),
    inHand,
    lanes,
    order: { arrive: () => true },
    gates: { holds: () => undefined, hold: () => undefined, limitRate: () => undefined, times: () => ({}) },
    writer,
    isOurs: () => true,
    now: () => 0,
    onUnreadable: () => undefined,
  });
  return { take, lanes, inHand, writer, parked: () => parked };
}

describe('the memory of delivery', () => {
  // 200,000 records take seconds, on a busy machine more than the ten that other specs have.
  it(
    'stays within its bound with 200,000 records for one dead endpoint: what is over it is parked',
    { timeout: 40_000 },
    async () => {
      const { take, lanes, inHand, writer, parked } = deadEndpoint();
      const settled = new Set<number>();
      const template = signedFixture(0, 0);
      let mostInHand = 0;
      for (let from = 0; from < EVENTS; from += BATCH) {
        const records = Array.from({ length: BATCH }, (_, index) => {
          const headers = { ...template.headers, ...attemptHeaders(idsFixture(from + index)) };
          return { ...template, headers, position: from + index };
        });
        const batch: Batch = {
          ...{ topic: template.topic, partition: 0, records, signal: new AbortController().signal },
          settle: ({ position }) => void settled.add(position),
        };
        await take(batch);
        mostInHand = Math.max(mostInHand, inHand.size());
      }
      while (parked() < EVENTS - 2_000) await new Promise(setImmediate);
      await new Promise(setImmediate);
      // A lane, and of what is being parked four batches and the one that is too much.
      expect(mostInHand).toBeLessThanOrEqual(2_000 + 2_000 + BATCH);
      expect(lanes.counts()).toEqual({ lanes: 1, records: 2_000, calls: 16 });
      expect(settled.size).toBe(EVENTS - 2_000);
      expect(writer.mayStart()).toBe(true);
    },
  );

  it('is not spent on 10,000 webhooks once they are idle', async () => {
    const ended: (() => void)[] = [];
    let nowMs = 0;
    const lanes = new Lanes({
      start: () => new Promise<void>((resolve) => ended.push(resolve)),
      concurrencyOf: () => 16,
      limitOf: () => Infinity,
      rateOf: () => ({ perSecond: 1, burst: 1 }),
      mayStart: () => true,
      onRoom: () => undefined,
      now: () => nowMs,
    });
    for (let webhookId = 0; webhookId < 10_000; webhookId++) {
      lanes.offer({ accountId: webhookId % 100, webhookId, partition: 0, bytes: 100 });
    }
    expect(lanes.counts().records).toBe(10_000);
    while (ended.length > 0) {
      for (const end of ended.splice(0)) end();
      await new Promise(setImmediate);
    }
    nowMs = 1_000;
    lanes.buckets.sweep();
    expect(lanes.counts()).toEqual({ lanes: 0, records: 0, calls: 0 });
    expect(lanes.buckets.count()).toBe(0);
  });
});
