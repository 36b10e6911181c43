import { eventually, startReceiver, type ReceivedCall, type Receiver } from '@switchhook/testing';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, request, type Api } from './api.js';
import { kafkaIsThere, startSwitchhook, type Engine, type RunningSwitchhook } from './harness.js';
import { produceToKafka } from './kafka-producer.js';

/** Beyond 2^53, with spacing that no serializer would write. */
const DATA = '{ "id":7420017300281076000,  "toNumber":"12135551234" }';

interface Attempt {
  readonly number: number;
  readonly statusCode: number | null;
  readonly error: string | null;
}
interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly status: string;
  readonly attemptCount: number;
  readonly attempts: readonly Attempt[];
}

const deliveryOf = async (api: Api, eventId: string): Promise<Delivery> => {
  const page = await request<{ items: { id: string }[] }>(api, `/v2/deliveries?eventId=${eventId}`);
  expect(page.body.items).toHaveLength(1);
  const found = await request<Delivery>(api, `/v2/deliveries/${page.body.items[0]?.id}`);
  return found.body;
};

const verifyHeaders = ({ headers }: ReceivedCall) => ({
  'webhook-id': String(headers['webhook-id']),
  'webhook-timestamp': String(headers['webhook-timestamp']),
  'webhook-signature': String(headers['webhook-signature']),
});

describe.each<Engine>(['embedded', 'kafka'])('one event, all the way, on the %s log', (engine) => {
  const isHere = engine === 'embedded' || kafkaIsThere;
  let product: RunningSwitchhook;
  let receiver: Receiver;
  let secret: string;
  const event = (id: string, more: Record<string, string> = {}, data = DATA) => ({
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': 'carrier',
      'ce-type': 'OutboundTextDeliveryReport.Received',
      'ce-subject': 'text-1',
      ...more,
    },
    body: Buffer.from(data),
  });
  const post = (id: string, more?: Record<string, string>, data?: string) =>
    request<{ accepted?: number; duplicates?: number; errors?: { field: string }[] }>(product.api(), '/v2/events', {
      method: 'POST',
      ...event(id, more, data),
    });

  beforeAll(async () => {
    if (!isHere) return;
    receiver = await startReceiver();
    product = await startSwitchhook({ engine, env: { SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
    const created = await createWebhook(product.api(), {
      profile: 'standard',
      resource: 'OutboundTextDeliveryReport',
      events: ['Received'],
      callback: `${receiver.url}/hook`,
      retry: { delaysMs: [50, 50] },
    });
    secret = created.secret ?? '';
  });
  afterAll(async () => {
    await product?.stop();
    await receiver?.close();
  });

  it.skipIf(!isHere)('arrives signed, with the data as they were sent, and is seen in the delivery log', async () => {
    expect((await post('report-1')).body).toEqual({ accepted: 1, duplicates: 0 });
    const [call] = await receiver.waitForCalls(1);
    if (!call) throw new Error('no call');
    const body = call.body.toString('utf8');
    expect(body).toContain(`"data":${DATA}`);
    expect(() => new StandardWebhook(secret).verify(body, verifyHeaders(call))).not.toThrow();
    expect(() => new SvixWebhook(secret).verify(body, verifyHeaders(call))).not.toThrow();
    expect(call.headers).toMatchObject({ 'switchhook-attempt': '1', 'user-agent': 'Switchhook/1' });
    const delivery = await eventually(async () => {
      const found = await deliveryOf(product.api(), 'report-1');
      expect(found.status).toBe('succeeded');
      return found;
    });
    expect(delivery.id).toBe(call.headers['switchhook-delivery']);
    expect(delivery.attempts).toMatchObject([{ number: 1, statusCode: 200, error: null }]);
  });

  it.skipIf(!isHere)('is retried by its schedule, signed anew each time, until the endpoint takes it', async () => {
    receiver.clear();
    receiver.respondNext(503, 'reset');
    await post('report-2');
    const calls = await receiver.waitForCalls(3);
    expect(calls.map(({ headers }) => headers['switchhook-attempt'])).toEqual(['1', '2', '3']);
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const call of calls) {
      expect(() => new StandardWebhook(secret).verify(call.body.toString('utf8'), verifyHeaders(call))).not.toThrow();
    }
    await eventually(async () =>
      expect(await deliveryOf(product.api(), 'report-2')).toMatchObject({
        status: 'succeeded',
        attemptCount: 3,
        attempts: [
          { number: 1, statusCode: 503 },
          { number: 2, statusCode: null, error: 'reset' },
          { number: 3, statusCode: 200 },
        ],
      }),
    );
  });

  it.skipIf(!isHere)('ends as exhausted when the endpoint refuses it for good or its tries are used up', async () => {
    receiver.clear();
    receiver.respondNext(404, 500, 500, 500);
    await post('report-3');
    await receiver.waitForCalls(1);
    await post('report-4');
    await receiver.waitForCalls(4);
    await eventually(async () => {
      expect(await deliveryOf(product.api(), 'report-3')).toMatchObject({ status: 'exhausted', reason: 'status-404' });
      expect(await deliveryOf(product.api(), 'report-4')).toMatchObject({ status: 'exhausted', reason: 'tries' });
      const failing = await request(product.api(), '/v2/webhooks?failing=true');
      const view = { since: expect.any(Number), circuits: [], oldestWaitingAt: null, oldestWaitingMs: null };
      expect(failing.body).toMatchObject({ items: [{ failing: view }], totalCount: 1 });
    });
  });

  it.skipIf(!isHere)('is accepted once, and shown as unmatched when nobody wants it', async () => {
    receiver.clear();
    expect((await post('report-5')).body).toEqual({ accepted: 1, duplicates: 0 });
    await receiver.waitForCalls(1);
    expect((await post('report-5')).body).toEqual({ accepted: 0, duplicates: 1 });
    await post('call-1', { 'ce-type': 'OutboundCall.Finished' });
    await eventually(async () => {
      const events = await request<{ items: { status: string }[] }>(product.api(), '/v2/events?eventId=call-1');
      expect(events.body.items).toMatchObject([{ status: 'unmatched' }]);
    });
    expect(receiver.total).toBe(1);
  });

  it.skipIf(!isHere)(
    'waits while deliveries are paused, says so in the log, and goes out when they are resumed',
    async () => {
      receiver.clear();
      const order = (path: string) => request(product.api(), path, { method: 'POST', body: {} });
      expect(await order('/v2/platform/pause')).toMatchObject({ status: 200, body: { scope: 'all', paused: true } });
      await post('report-6');
      await eventually(async () =>
        expect(await deliveryOf(product.api(), 'report-6')).toMatchObject({
          status: 'deferred',
          reason: 'paused',
          explanation: expect.stringMatching(/^parked: paused since \d{4}-.*Z, until it is resumed$/),
          attemptCount: 0,
        }),
      );
      expect(receiver.total).toBe(0);
      expect(await order('/v2/platform/resume')).toMatchObject({ status: 200, body: { scope: 'all', paused: false } });
      await receiver.waitForCalls(1);
      await eventually(async () =>
        expect(await deliveryOf(product.api(), 'report-6')).toMatchObject({ status: 'succeeded', attemptCount: 1 }),
      );
      expect(receiver.total).toBe(1);
    },
  );

  it.skipIf(!isHere)('is refused by the name of its field, and leaves no trace', async () => {
    const wrongType = await post('bad-1', { 'ce-type': 'OutboundCall.Melted' });
    expect(wrongType).toMatchObject({ status: 400, body: { errors: [{ field: 'type' }] } });
    expect(await post('bad-2', {}, '{"id":')).toMatchObject({ status: 400, body: { errors: [{ field: 'data' }] } });
    expect(await post('bad-3', {}, `"${'x'.repeat(300 * 1024)}"`)).toMatchObject({ status: 413 });
    expect(await post('bad-4', { 'ce-accountid': '4711' })).toMatchObject({
      body: { errors: [{ field: 'accountid' }] },
    });
  });

  it.skipIf(engine !== 'kafka' || !kafkaIsThere)('comes from a Kafka producer as well', async () => {
    receiver.clear();
    const { headers, body } = event('produced-1');
    const kafkaHeaders = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.replace(/^ce-/, 'ce_'), value]),
    );
    await produceToKafka(product, [
      { key: '1:text-1', value: body, headers: { ...kafkaHeaders, ce_accountid: '1' } },
      { key: '1:text-1', value: null, headers: { ...kafkaHeaders, ce_id: 'produced-2', ce_accountid: '1' } },
    ]);
    const [call] = await receiver.waitForCalls(1);
    expect(call?.body.toString('utf8')).toContain(`"data":${DATA}`);
    await eventually(async () => {
      const events = await request<{ items: { id: string; status: string; reason: string }[] }>(
        product.api(),
        '/v2/events?eventId=produced-2',
      );
      expect(events.body.items).toMatchObject([{ status: 'rejected', reason: expect.stringMatching(/^no-value/) }]);
    });
  });
});
