import { eventually, startReceiver, type Receiver } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { startSwitchhook, type RunningSwitchhook } from './harness.js';

describe('an endpoint that answers 410', () => {
  let product: RunningSwitchhook;
  let receiver: Receiver;
  const post = (id: string) =>
    request(product.api(), '/v2/events', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-source': 'switch',
        'ce-type': 'OutboundCall.Finished',
      },
      body: Buffer.from('{"id":1}'),
    });
  const callsOf = (path: string) => receiver.calls.filter((call) => call.path === path);
  const deliveryOf = async (eventId: string, webhookId: number): Promise<unknown> => {
    const path = `/v2/deliveries?eventId=${eventId}&webhookId=${webhookId}`;
    return (await request<{ items: unknown[] }>(product.api(), path)).body.items[0];
  };

  beforeAll(async () => {
    receiver = await startReceiver({ behaviour: ({ path }) => (path === '/gone' ? 410 : 200) });
    product = await startSwitchhook({ engine: 'embedded', env: { SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
  });
  afterAll(async () => {
    await product?.stop();
    await receiver?.close();
  });

  it('is called no more: its webhook is disabled, and who asked to hear of that hears of it', async () => {
    const wants = { resource: 'OutboundCall', events: ['Finished'], profile: 'standard' };
    const { id } = await createWebhook(product.api(), { ...wants, callback: `${receiver.url}/gone` });
    await createWebhook(product.api(), {
      resource: 'Webhook',
      events: ['Disabled'],
      profile: 'standard',
      callback: `${receiver.url}/notices`,
    });
    await post('call-1');
    const [notice] = await eventually(() => {
      expect(callsOf('/notices')).toHaveLength(1);
      return callsOf('/notices');
    });
    expect(JSON.parse(notice?.body.toString() ?? '')).toMatchObject({
      source: 'switchhook',
      type: 'Webhook.Disabled',
      subject: `webhook:${id}`,
      data: { webhookId: id, reason: 'gone', count: 1 },
    });
    const webhook = await request(product.api(), `/v2/webhooks/${id}`);
    expect(webhook.body).toMatchObject({ enabled: false });
    await post('call-2');
    await eventually(async () =>
      expect(await deliveryOf('call-2', id)).toMatchObject({ status: 'cancelled', reason: 'disabled' }),
    );
    expect(await deliveryOf('call-1', id)).toMatchObject({ status: 'exhausted', reason: 'status-410' });
    expect(callsOf('/gone')).toHaveLength(1);
  });
});
