import { attributesHeader } from '@switchhook/domain';
import { heapBytesKeptBy } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { signedFixture, webhookFixture } from './delivery.fixture.js';
import type { ScheduleRow } from './schedule-row.js';
import { readSigned, type SignedDelivery } from './signed-delivery.js';
import { SubjectOrder } from './subject-order.js';

function ofSubject(event: number, subject = 'call-1'): SignedDelivery {
  const record = signedFixture(event, event);
  const attributes = { id: `e-${event}`, source: 's', type: 'InboundText.Finished', subject, time: 'now' };
  const rest = { accountId: 1, dataContentType: 'application/json', extensions: {}, data: Buffer.from('{}') };
  const made = { ...record.headers, ...attributesHeader({ ...attributes, ...rest }) };
  // As they come from the log.
  const headers = Object.fromEntries(
    Object.entries(made).map(([name, value]) => [name, Buffer.from(String(value)).toString()]),
  );
  return readSigned({ ...record, headers });
}

function orderOf() {
  const ready: number[] = [];
  const webhook = webhookFixture({ ordering: 'key' });
  const database = { rows: new Map<string, ScheduleRow>(), isWhole: true };
  const order = new SubjectOrder({
    schedule: { subjects: async () => [], firstOfSubjects: async () => database.rows },
    isWhole: async () => database.isWhole,
    webhooks: { get: () => webhook },
    onReady: (webhookId) => ready.push(webhookId),
    now: () => 0,
  });
  return { order, ready, database };
}

describe('the order of subjects says that it allows more', () => {
  it('when nothing of the webhook is unfinished any more', () => {
    const { order, ready } = orderOf();
    const first = ofSubject(1);
    expect(order.arrive(first)).toBe(true);
    expect([order.handles(1), ready]).toEqual([true, []]);
    order.acknowledged(first, { outcome: 'succeeded', at: 0 });
    expect([order.handles(1), ready]).toEqual([false, [1]]);
  });

  it('not while the next one is still on its way into the schedule', () => {
    const { order, ready } = orderOf();
    const [first, second] = [ofSubject(1), ofSubject(2)];
    order.arrive(first);
    expect(order.arrive(second)).toBe(false);
    order.acknowledged(first, { outcome: 'succeeded', at: 0 });
    expect([order.handles(1), ready]).toEqual([true, []]);
  });
});

describe('the order of a subject, when the database has come back without its last writes', () => {
  /** As the projection tells it of an attempt that was put off. */
  const put = (order: SubjectOrder, { ids, partition, data }: SignedDelivery, sequence: number): ScheduleRow => {
    const place = { subject: 'call-1', sequence };
    const row = { ids, partition, dueAt: null, position: sequence, headers: {}, data, place };
    order.changed(partition, [{ kind: 'put', row }]);
    return row;
  };

  it('is that of the log: a later one waits until the rows are back', async () => {
    const { order, database } = orderOf();
    const [first, second, third] = [ofSubject(1), ofSubject(2), ofSubject(3)];
    order.arrive(first);
    order.arrive(second);
    const row = put(order, second, 1);
    order.acknowledged(first, { outcome: 'succeeded', at: 0 });
    database.isWhole = false;
    expect(await order.next(1, 10)).toEqual([]);
    expect(order.arrive(third)).toBe(false);
    database.isWhole = true;
    database.rows.set('call-1', row);
    expect(await order.next(1, 10)).toEqual([row]);
  });
});

describe('the memory of the order of subjects', () => {
  it('is 400 bytes at most for a subject that waits for its endpoint', () => {
    const subjects = 20_000;
    const { order } = orderOf();
    const bytes = heapBytesKeptBy(() => {
      for (let event = 0; event < subjects; event += 1) {
        const delivery = ofSubject(event, `call-${event}`);
        order.arrive(delivery);
        order.acknowledged(delivery, { outcome: 'deferred', at: 0, reason: 'circuit-open' });
        const { ids, partition, data } = delivery;
        const place = { subject: `call-${event}`, sequence: 1 };
        const row = { ids, partition, dueAt: null, position: event, headers: {}, data, place };
        order.changed(partition, [{ kind: 'put', row }]);
      }
      return order;
    });
    expect(bytes / subjects).toBeLessThan(400);
  });
});
