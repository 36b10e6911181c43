import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { startSwitchhook, type RunningSwitchhook } from './harness.js';

describe('the product on one machine', () => {
  let product: RunningSwitchhook;
  beforeAll(async () => {
    product = await startSwitchhook({ engine: 'embedded' });
  });
  afterAll(() => product?.stop());

  it('is alone on its data folder: a second start stops with one message and leaves the first at work', async () => {
    const second = startSwitchhook({ engine: 'embedded', env: { SWITCHHOOK_DATA: product.dataDir } });
    await expect(second).rejects.toThrow(/Another Switchhook is using/);
    expect((await request(product.api(), '/v2/webhooks')).status).toBe(200);
  });

  it('finds its webhooks again after a kill -9 that left its PostgreSQL running, and after a stop in order', async () => {
    const callback = 'https://example.com/hook';
    const { id } = await createWebhook(product.api(), { resource: 'InboundText', events: ['Finished'], callback });
    await product.kill9();
    await product.restart();
    expect((await request(product.api(), `/v2/webhooks/${id}`)).status).toBe(200);
    expect(await product.terminate()).toBe(0);
    await product.restart();
    expect((await request(product.api(), `/v2/webhooks/${id}`)).status).toBe(200);
  });

  it('stops the start with one message that names every wrong setting', async () => {
    const env = { PORT: 'bad', KAFKA_PARTITIONS: '0' };
    await expect(startSwitchhook({ engine: 'embedded', env })).rejects.toThrow(/PORT: .*\n.*KAFKA_PARTITIONS: /);
  });
});
