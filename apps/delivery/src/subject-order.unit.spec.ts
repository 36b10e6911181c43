import { attributesHeader } from '@switchhook/domain';
import { describe, expect, it } from 'vitest';
import { signedFixture, webhookFixture } from './delivery.fixture.js';
import { readSigned, type SignedDelivery } from './signed-delivery.js';
import { SubjectOrder } from './subject-order.js';

function ofSubject(event: number): SignedDelivery {
  const record = signedFixture(event, event);
  const attributes = { id: `e-${event}`, source: 's', type: 'InboundText.Finished', subject: 'call-1', time: 'now' };
  const rest = { accountId: 1, dataContentType: 'application/json', extensions: {}, data: Buffer.from('{}') };
  return readSigned({ ...record, headers: { ...record.headers, ...attributesHeader({ ...attributes, ...rest }) } });
}

function orderOf() {
  const ready: number[] = [];
  const webhook = webhookFixture({ ordering: 'key' });
  const order = new SubjectOrder({
    schedule: { subjects: async () => [], firstOfSubjects: async () => new Map() },
    webhooks: { get: () => webhook },
    onReady: (webhookId) => ready.push(webhookId),
    now: () => 0,
  });
  return { order, ready };
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
