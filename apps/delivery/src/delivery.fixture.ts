import { HEADER, TOPICS, joinParts, type AttemptIds, type RecordHeaders, type Webhook } from '@switchhook/contracts';
import { attemptHeaders, deliveryId } from '@switchhook/domain';
import type { LogRecord } from '@switchhook/event-log';

const EVENT_KEY = '11111111-1111-5111-8111-111111111111';

export const webhookFixture = (more: Partial<Webhook> = {}): Webhook => ({
  id: 1,
  accountId: 1,
  version: 1,
  callVersion: 1,
  status: 'enabled',
  profile: 'standard',
  resource: 'OutboundCall',
  events: ['Finished'],
  callback: 'http://receiver.example/',
  nonStrictSsl: false,
  singleUse: false,
  createdAt: 0,
  updatedAt: 0,
  ...more,
});

/** The ids of the first attempt at the delivery of event `event` to webhook 1. */
export const idsFixture = (event: number, more: Partial<AttemptIds> = {}): AttemptIds => ({
  accountId: 1,
  eventKey: EVENT_KEY,
  deliveryId: deliveryId(EVENT_KEY, event),
  webhookId: 1,
  webhookVersion: 1,
  run: 0,
  number: 1,
  deferrals: 0,
  acceptedAt: 0,
  origin: '0:1',
  ...more,
});

/** A record of `deliveries.signed` with the body `body` and the data `{"a":1}`, signed at 0. */
export function signedFixture(
  event: number,
  position: number,
  more: { version?: number; value?: Buffer; signedAt?: number } = {},
): LogRecord {
  const call = { method: 'POST', url: 'http://receiver.example/', headers: {}, signingKeyIds: ['sk_1'] };
  const { value, lengths } = joinParts([
    Buffer.from(JSON.stringify(call)),
    Buffer.from('body'),
    Buffer.from('{"a":1}'),
  ]);
  const headers: RecordHeaders = {
    ...attemptHeaders(idsFixture(event, { webhookVersion: more.version ?? 1 })),
    [HEADER.attributes]: `event-${event}`,
    [HEADER.signedAt]: String(more.signedAt ?? 0),
    [HEADER.parts]: lengths,
    [HEADER.traceparent]: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
  };
  return {
    topic: TOPICS.signed.name,
    partition: 0,
    position,
    appendedAtMs: 0,
    key: Buffer.from('1'),
    value: more.value ?? value,
    headers,
  };
}
