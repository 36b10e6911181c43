import { eventually, startReceiver } from '@switchhook/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { kafkaIsThere, startSwitchhook, type Engine } from './harness.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.each<Engine>(['embedded', 'kafka'])('a stop in order, on the %s log', (engine) => {
  it.skipIf(engine === 'kafka' && !kafkaIsThere)('lets a call under way end, and does not make it again', async () => {
    const receiver = await startReceiver({ behaviour: { status: 200, delayMs: 2_000 } });
    closing.push(() => receiver.close());
    const product = await startSwitchhook({ engine, env: { SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
    closing.push(() => product.stop());
    const callback = `${receiver.url}/slow`;
    await createWebhook(product.api(), { resource: 'LowBalance', events: ['Failed'], profile: 'standard', callback });
    const event = { specversion: '1.0', id: 'slow-1', source: 'billing', type: 'LowBalance.Failed', data: { id: 1 } };
    const headers = { 'content-type': 'application/cloudevents+json' };
    await request(product.api(), '/v2/events', { method: 'POST', headers, body: Buffer.from(JSON.stringify(event)) });
    await eventually(() => receiver.inFlight === 1);

    expect(await product.terminate()).toBe(0);
    await product.restart();

    await eventually(async () => {
      const page = await request<{ items: { status: string; attemptCount: number }[] }>(
        product.api(),
        '/v2/deliveries?eventId=slow-1',
      );
      expect(page.body.items).toMatchObject([{ status: 'succeeded', attemptCount: 1 }]);
    });
    expect(receiver.total).toBe(1);
  });
});
