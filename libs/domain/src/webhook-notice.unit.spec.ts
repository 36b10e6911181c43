import { WebhookDisabledSchema, WebhookExhaustedSchema } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { eventHeaders, readEventRecord } from './cloud-event.js';
import { aWebhook } from './event.spec-support.js';
import { addNotice, mayBeSaid, noticeEvent, type Notices, type NoticeState } from './webhook-notice.js';

const exhausted = (at: number): Notices['Exhausted'] => ({
  count: 1,
  from: at,
  to: at,
  deliveryId: `delivery-${at}`,
  status: 'exhausted',
  reason: 'tries',
  eventId: `call-${at}`,
  eventSource: '/switch/7',
  eventType: 'OutboundCall.Finished',
});
const disabled: Notices['Disabled'] = { reason: 'gone', disabledAt: 1_000, deliveryId: 'delivery-1', count: 1 };

describe('what is to be said', () => {
  it('comes together: named by the first, telling of the last, with how many there were', () => {
    const two = addNotice(addNotice<'Exhausted'>(undefined, 'first', exhausted(1_000)), 'second', exhausted(2_000));
    expect(two).toEqual({ id: 'first', data: { ...exhausted(2_000), from: 1_000, count: 2 } });
  });

  it.each<[string, NoticeState, number, boolean]>([
    ['at once, the first time', { data: disabled }, 5_000, true],
    ['not within a minute of the last time', { data: disabled, saidAt: 5_000 }, 64_999, false],
    ['a minute after the last time', { data: disabled, saidAt: 5_000 }, 65_000, true],
    ['not at all when there is nothing', { saidAt: 5_000 }, 99_000, false],
    ['in spite of a clock that was set back', { data: disabled, saidAt: 5_000 }, 4_999, true],
  ])('is said %s', (_name, state, nowMs, expected) => {
    expect(mayBeSaid(state, nowMs)).toBe(expected);
  });

  it.each([
    ['Disabled', disabled, WebhookDisabledSchema, '1970-01-01T00:00:01.000Z'],
    ['Exhausted', exhausted(2_000), WebhookExhaustedSchema, '1970-01-01T00:00:02.000Z'],
  ] as const)('Webhook.%s is an event that is accepted, with data as declared', (name, data, schema, time) => {
    const event = noticeEvent(aWebhook(), name, { id: 'n1', data });
    const read = readEventRecord({ headers: eventHeaders(event), value: event.data }, 0);
    expect(read).toEqual({ event });
    expect(event).toMatchObject({ source: 'switchhook', type: `Webhook.${name}`, subject: 'webhook:3749003', time });
    expect(schema.parse(JSON.parse(event.data.toString()))).toEqual({
      webhookId: 3749003,
      webhookName: 'Test Webhook',
      ...data,
    });
  });
});
