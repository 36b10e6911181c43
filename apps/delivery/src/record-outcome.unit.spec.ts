import type { Attempt, Outcome } from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';
import { eventually } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { readAttemptIds } from '@switchhook/domain';
import { idsFixture, signedFixture } from './delivery.fixture.js';
import { FinishedNames } from './finished-names.js';
import { InHand } from './in-hand.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './record-outcome.js';
import { readSigned, type SignedDelivery } from './signed-delivery.js';

/** A log that acknowledges when the test says so, and lanes whose calls end at once. */
function slowLog() {
  const published: (readonly OutgoingRecord[])[] = [];
  const unacknowledged: (() => void)[] = [];
  const begun: number[] = [];
  const inHand = new InHand();
  const names = new FinishedNames();
  const told: string[] = [];
  const writer = new OutcomeWriter({
    log: {
      publish: (records) => {
        published.push(records);
        return new Promise((resolve) => unacknowledged.push(() => resolve([])));
      },
    },
    names,
    inHand,
    onOutcome: (_delivery, { outcome }) => void told.push(outcome),
    onUnavailable: () => undefined,
    onAcknowledged: () => lanes.resume(),
  });
  const lanes = new Lanes<SignedDelivery>({
    start: async (delivery) => {
      begun.push(delivery.record.position);
      void writer.record(delivery, { outcome: 'succeeded', at: 0 });
    },
    concurrencyOf: () => 1,
    limitOf: () => Infinity,
    rateOf: () => undefined,
    mayStart: () => writer.mayStart(),
    onRoom: () => undefined,
    now: () => 0,
  });
  const offer = (from: number, to: number, webhookId = 1) => {
    for (let event = from; event < to; event++) lanes.offer({ ...readSigned(signedFixture(event, event)), webhookId });
  };
  return { writer, lanes, inHand, names, told, begun, offer, published, unacknowledged };
}

describe('outcomes that the log has not acknowledged', () => {
  it('let no call begin once there are 1,000 of them; with the first acknowledgement lanes go on', async () => {
    const { begun, offer, unacknowledged } = slowLog();
    offer(0, 1_500);
    await eventually(() => expect(begun).toHaveLength(1_000));
    offer(1_500, 1_510, 2);
    expect(begun).toHaveLength(1_000);
    unacknowledged.shift()?.();
    await eventually(() => expect(begun).toHaveLength(1_001));
    while (begun.length < 1_510 || unacknowledged.length > 0) {
      unacknowledged.shift()?.();
      await new Promise(setImmediate);
    }
    expect(new Set(begun).size).toBe(1_510);
  });

  it('are few when a whole lane is parked, and in its order', async () => {
    const { writer, published, unacknowledged, inHand } = slowLog();
    const settled: number[] = [];
    const deliveries = Array.from({ length: 250 }, (_, event) => readSigned(signedFixture(event, event)));
    for (const delivery of deliveries) inHand.take(delivery, () => settled.push(delivery.record.position));
    const outcome: Outcome = { outcome: 'deferred', at: 0, reason: 'circuit-open' };
    const parked = writer.recordAll(deliveries.map((delivery) => ({ delivery, outcome })));
    expect(settled).toEqual([]);
    for (let write = 0; write < 3; write++) {
      await eventually(() => expect(unacknowledged).toHaveLength(1));
      unacknowledged.shift()?.();
    }
    await parked;
    expect(published.map((records) => records.length)).toEqual([100, 100, 50]);
    expect(published.flat().map(({ headers }) => readAttemptIds(headers).deliveryId)).toEqual(
      deliveries.map(({ ids }) => ids.deliveryId),
    );
    expect(settled).toEqual(deliveries.map(({ record }) => record.position));
  });
});

describe('outcomes that nobody waits for', () => {
  const succeeded = (writer: OutcomeWriter, from: number, to: number): void => {
    for (let event = from; event < to; event++) {
      writer.recordSoon(readSigned(signedFixture(event, event)), { outcome: 'succeeded', at: 0 });
    }
  };
  const sizes = (published: readonly (readonly OutgoingRecord[])[]): number[] => published.map(({ length }) => length);

  it('are written together, in their order, after 20 ms or when they are asked for', async () => {
    const { writer, published } = slowLog();
    succeeded(writer, 0, 3);
    expect(published).toEqual([]);
    await eventually(() => expect(sizes(published)).toEqual([3]));
    succeeded(writer, 3, 5);
    writer.flush();
    expect(sizes(published)).toEqual([3, 2]);
    writer.flush();
    expect(sizes(published)).toEqual([3, 2]);
    expect(published.flat().map(({ headers }) => readAttemptIds(headers).deliveryId)).toEqual(
      [0, 1, 2, 3, 4].map((event) => idsFixture(event).deliveryId),
    );
  });

  it('are written as soon as there are 100', () => {
    const { writer, published } = slowLog();
    succeeded(writer, 0, 250);
    expect(sizes(published)).toEqual([100, 100]);
  });

  it('count as so many, on their way to the log or not', async () => {
    const { writer, unacknowledged } = slowLog();
    succeeded(writer, 0, 999);
    expect(writer.mayStart()).toBe(true);
    succeeded(writer, 999, 1_000);
    expect([writer.mayStart(), unacknowledged.length]).toEqual([false, 10]);
    succeeded(writer, 1_000, 1_050);
    unacknowledged.shift()?.();
    await eventually(() => expect(writer.mayStart()).toBe(true));
    succeeded(writer, 1_050, 1_100);
    expect(writer.mayStart()).toBe(false);
  });
});

describe('a delivery whose end somebody else has written', () => {
  const end = (writer: ReturnType<typeof slowLog>, settled: string[]) => {
    const delivery = readSigned(signedFixture(1, 1));
    writer.inHand.take(delivery, () => settled.push(delivery.name));
    writer.names.addEnded(delivery.ids);
    return delivery;
  };

  it('is not put off after it, and is let go of', async () => {
    const log = slowLog();
    const settled: string[] = [];
    const delivery = end(log, settled);
    await log.writer.record(delivery, { outcome: 'deferred', at: 0, reason: 'lane-full' });
    expect([log.published, settled]).toEqual([[], [delivery.name]]);
    expect(log.told).toEqual(['cancelled']);
  });

  it('has the outcome of its call in the log all the same, when one was made', async () => {
    const log = slowLog();
    const delivery = end(log, []);
    const attempt = { number: 1 } as Attempt;
    void log.writer.record(delivery, { outcome: 'succeeded', at: 0, attempt });
    expect(log.published).toHaveLength(1);
  });
});

describe('a record that is sent back to be signed anew', () => {
  it('is no longer in hand when its successor comes, which may be before the log has acknowledged the request', async () => {
    const { writer, inHand, unacknowledged } = slowLog();
    const settled: number[] = [];
    const old = readSigned(signedFixture(1, 10));
    const anew = readSigned(signedFixture(1, 11));
    inHand.take(old, () => settled.push(10));
    const sent = writer.sendBack(old, { topic: 'deliveries.requested.v1', key: '1', value: null, headers: {} });
    expect(inHand.take(anew, () => settled.push(11))).toBe('new');
    expect(settled, 'progress waits for the log').toEqual([]);
    unacknowledged.shift()?.();
    await sent;
    expect([settled, inHand.has(anew.name)]).toEqual([[10], true]);
  });
});
