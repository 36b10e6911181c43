import { afterEach, describe, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { startSwitchhook, type RunningSwitchhook } from './harness.js';

const started: RunningSwitchhook[] = [];
afterEach(async () => {
  for (const product of started.splice(0)) await product.stop();
});

async function start(): Promise<RunningSwitchhook> {
  const product = await startSwitchhook({ engine: 'embedded' });
  started.push(product);
  return product;
}

describe('the product on one machine', () => {
  it('finds its webhooks, and what is paused, again after a kill -9 that left its PostgreSQL running, and after a stop in order', async () => {
    const product = await start();
    const callback = 'https://example.com/hook';
    const { id } = await createWebhook(product.api(), { resource: 'InboundText', events: ['Finished'], callback });
    const order = { method: 'POST', body: { webhookId: id } };
    expect((await request(product.api(), '/v2/platform/pause', order)).status).toBe(200);
    await product.kill9();
    await product.restart();
    expect((await request(product.api(), `/v2/webhooks/${id}`)).status).toBe(200);
    const paused = await request(product.api(), '/v2/platform/pause');
    expect(paused.body).toMatchObject({ items: [{ scope: 'webhook', webhookId: id }], totalCount: 1 });
    expect(await product.terminate()).toBe(0);
    await product.restart();
    expect((await request(product.api(), `/v2/webhooks/${id}`)).status).toBe(200);
  });

  it('is alone on its data folder: a second start stops with one message and leaves the first at work', async () => {
    const product = await start();
    const second = startSwitchhook({ engine: 'embedded', env: { SWITCHHOOK_DATA: product.dataDir } });
    await expect(second).rejects.toThrow(/Another Switchhook is using/);
    expect((await request(product.api(), '/v2/webhooks')).status).toBe(200);
  });

  it('stops the start with one message that names every wrong setting', async () => {
    const env = { PORT: 'bad', KAFKA_PARTITIONS: '0' };
    await expect(startSwitchhook({ engine: 'embedded', env })).rejects.toThrow(/PORT: .*\n.*KAFKA_PARTITIONS: /);
  });
});
