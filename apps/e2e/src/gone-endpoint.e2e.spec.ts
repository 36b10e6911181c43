import { eventually, startReceiver, type Receiver } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { startSwitchhook, type RunningSwitchhook } from './harness.js';

interface Circuit {
  readonly state: string;
  readonly since: number | null;
  readonly nextProbeAt: number | null;
  readonly openings: number;
}

describe('an endpoint that is', () => {
  let product: RunningSwitchhook;
  let receiver: Receiver;
  let isDown = true;
  const post = (id: string, type = 'OutboundCall.Finished') =>
    request(product.api(), '/v2/events', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-source': 'switch',
        'ce-type': type,
      },
      body: Buffer.from('{"id":1}'),
    });
  const callsOf = (path: string) => receiver.calls.filter((call) => call.path === path);
  const deliveryOf = async (eventId: string, webhookId: number): Promise<unknown> => {
    const path = `/v2/deliveries?eventId=${eventId}&webhookId=${webhookId}`;
    return (await request<{ items: unknown[] }>(product.api(), path)).body.items[0];
  };

  beforeAll(async () => {
    receiver = await startReceiver({
      behaviour: ({ path }) => (path === '/gone' ? 410 : path === '/down' && isDown ? 'reset' : 200),
    });
    product = await startSwitchhook({ engine: 'embedded', env: { SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
  });
  afterAll(async () => {
    await product?.stop();
    await receiver?.close();
  });

  it('gone is called no more: its webhook is disabled, and who asked to hear of that hears of it', async () => {
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

  it('down is left alone within a second, also after a kill -9, and gets what waited when its breaker is reset', async () => {
    const { id } = await createWebhook(product.api(), {
      ...{ resource: 'InboundCall', events: ['Finished'], profile: 'standard', callback: `${receiver.url}/down` },
      retry: { delaysMs: [600_000] },
    });
    const circuit = async (path = '', more = {}) =>
      request<Circuit>(product.api(), `/v2/webhooks/${id}/circuit${path}`, more);
    const breakers = async () => (await fetch(`${product.api().url}/metrics`)).text();
    const deferred = async () =>
      (await request<{ items: unknown[] }>(product.api(), `/v2/webhooks/${id}/deliveries?status=deferred`)).body.items;
    expect((await circuit()).body).toEqual({
      ...{ state: 'closed', since: null, nextProbeAt: null, openings: 0, lastFailure: null, fallback: null },
    });
    expect(await breakers()).toContain('switchhook_breakers{state="open"} 0');
    for (let event = 0; event < 30; event++) await post(`down-${event}`, 'InboundCall.Finished');
    const open = await eventually(async () => {
      const { body } = await circuit();
      expect(body).toMatchObject({ state: 'open', openings: 1, lastFailure: { statusCode: null, error: 'reset' } });
      return body;
    });
    const fifth = callsOf('/down')[4]?.receivedAtMs ?? 0;
    expect((open.since ?? Infinity) - fifth).toBeLessThan(1_000);
    expect((open.nextProbeAt ?? 0) - (open.since ?? 0)).toBe(10_000);
    expect(await breakers()).toContain('switchhook_breakers{state="open"} 1');
    const waiting = await eventually(async () => {
      const items = await deferred();
      expect(items.length + callsOf('/down').length).toBe(30);
      return items.length;
    });
    expect((await circuit('', { account: 4711 })).status).toBe(404);
    expect((await circuit('/reset', { method: 'POST', account: 4711 })).status).toBe(404);
    expect((await circuit('', { method: 'PUT', body: {} })).headers.get('allow')).toContain('GET');

    await product.kill9();
    await product.restart();
    // As long as before, if the start was quick enough to see that; and the same outage in any case.
    const restored = await circuit();
    expect(restored.body).toMatchObject({ since: open.since, state: expect.stringMatching(/open/) });
    if (restored.body.state === 'open' && restored.body.openings === 1) {
      expect(restored.body.nextProbeAt).toBe(open.nextProbeAt);
    }
    expect(callsOf('/down').length).toBeLessThanOrEqual(30 - waiting + 1);
    isDown = false;
    expect(await circuit('/reset', { method: 'POST' })).toMatchObject({ status: 200, body: { state: 'closed' } });
    await eventually(async () => expect(await deferred()).toEqual([]));
    expect(product.stderr.match(/"msg":"breaker opened"/g)).toHaveLength(1);
    expect(product.stderr.match(/"msg":"breaker closed"/g)).toHaveLength(1);
  });
});
