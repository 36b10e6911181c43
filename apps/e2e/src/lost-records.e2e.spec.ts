import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createDatabase, eventually } from '@switchhook/testing';
import pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { createWebhook, request } from './api.js';
import { startSwitchhook } from './harness.js';

const TOPICS_TOOL = join(import.meta.dirname, '../../../tools/topics.mjs');
const BEYOND_END =
  /webhooks\.v1 partition \d ends at \d+, but audit\.checkpoints archive has come to 4711.*accept-loss webhooks\.v1/;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

it('a log that ends before what was archived of it stops the start, until the loss is accepted', async () => {
  // A database that outlives the product, so that we can look into it while the product is stopped.
  const database = await createDatabase();
  closing.push(() => database.drop());
  const client = new pg.Client(database.url);
  await client.connect();
  closing.push(() => client.end());
  const product = await startSwitchhook({ engine: 'embedded', env: { DATABASE_URL: database.url } });
  closing.push(() => product.stop());
  const callback = 'https://example.com/hook';
  await createWebhook(product.api(), { resource: 'InboundText', events: ['Finished'], callback });
  await eventually(async () => {
    const { rowCount } = await client.query(`SELECT 1 FROM audit.checkpoints WHERE topic = 'webhooks.v1'`);
    return rowCount === 1;
  });
  await product.terminate();

  await client.query(`UPDATE audit.checkpoints SET position = 4711 WHERE topic = 'webhooks.v1'`);
  await expect(product.restart()).rejects.toThrow(BEYOND_END);

  const env = { ...process.env, DATABASE_URL: database.url, KAFKA_BROKERS: '' };
  execFileSync(process.execPath, [TOPICS_TOOL, 'accept-loss', 'webhooks.v1'], { env });
  await product.restart();
  expect((await request(product.api(), '/v2/webhooks')).status).toBe(200);
});
