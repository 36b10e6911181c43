// Very many deliveries of one account that wait: parked behind a gate that somebody has shut, or due in an hour.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createWebhook, metric, pauseWebhook } from './api.mjs';

const ACCOUNT = 999;
const POLL_MS = 500;
const WAIT_MS = 60_000;
const HOUR_MS = 3_600_000;

const FILL = `
  INSERT INTO delivery.schedule
    (delivery_id, run, number, deferrals, partition, webhook_id, due_at, position, headers, data)
  SELECT id, 0, 1, 1, n % 6, $1::bigint, CASE WHEN n % 2 = 0 THEN $2::bigint + n END, n,
    json_build_object(
      'switchhook-ids', format('${ACCOUNT} %s %s %s 1 0 1 1 %s 0:%s', id, id, $1::bigint, $3::bigint, n),
      'switchhook-attributes', '{"accountid":${ACCOUNT},"id":"waits","source":"bench","type":"InboundText.Finished"}')::text,
    '\\x7b7d'
  FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, $4::int) AS n) AS made`;

/**
 * Puts `count` rows into the schedule of `product`, as its projection would have, and starts it again, so that it takes them over.
 * Resolves when it has counted them.
 */
export async function letWait(product, callback, count) {
  const { id } = await createWebhook(product.url, ACCOUNT, { callback, resource: 'InboundText' });
  await pauseWebhook(product.url, ACCOUNT, id);
  const client = new pg.Client(product.databaseUrl());
  await client.connect();
  try {
    await client.query(FILL, [id, Date.now() + HOUR_MS, Date.now(), count]);
    await client.query('VACUUM ANALYZE delivery.schedule');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
  await product.kill9();
  await product.start();
  const giveUpAt = performance.now() + WAIT_MS;
  while ((await metric(product.url, 'switchhook_schedule_waiting')) < count) {
    if (performance.now() > giveUpAt) throw new Error(`The product does not see that ${count} deliveries wait`);
    await sleep(POLL_MS);
  }
}
