import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startReceiver, type Receiver } from '@switchhook/testing';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { allDeliveries, createWebhook, type DeliveryItem } from './api.js';
import { kafkaIsThere, startSwitchhook, type Engine, type RunningSwitchhook } from './harness.js';
import { startLoad, type Load } from './load.js';

const SETTINGS = {
  SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
  // Half of it is over the rate and takes the bulk topic.
  SWITCHHOOK_ACCOUNT_RATE: '10',
  SWITCHHOOK_ACCOUNT_BURST: '10',
  SWITCHHOOK_ADMIN_USER: 'operator',
  SWITCHHOOK_ADMIN_PASSWORD: 'kill-and-reconcile',
};
const PER_SECOND = 400;
const KILLS = 3;
const BETWEEN_KILLS_MS = 3_000;
const RESTART_AFTER_MS = 1_000;
const ACCOUNTS = Array.from({ length: 20 }, (_, n) => 100 + n);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Arrivals {
  readonly receiver: Receiver;
  /** When each delivery arrived, each time; epoch ms. */
  readonly at: ReadonlyMap<string, number[]>;
}

async function startCounting(): Promise<Arrivals> {
  const at = new Map<string, number[]>();
  const receiver = await startReceiver({
    keep: 'counts',
    behaviour: ({ headers }) => {
      const id = String(headers['webhook-id']);
      at.set(id, [...(at.get(id) ?? []), Date.now()]);
      return 200;
    },
  });
  closing.push(() => receiver.close());
  return { receiver, at };
}

/** Kills the process with no warning, again and again, and starts it anew on what it left. */
async function killRepeatedly(product: RunningSwitchhook): Promise<void> {
  for (let n = 0; n < KILLS; n++) {
    await sleep(BETWEEN_KILLS_MS);
    await product.kill9();
    await sleep(RESTART_AFTER_MS);
    await product.restart();
  }
}

/**
 * The attempts that were made again although the log had their outcome. A call may be repeated only while it is in flight:
 * begun, its outcome not yet on the log; then the archive has one outcome of it, whatever its receiver got.
 */
async function repeatedWithoutNeed(product: RunningSwitchhook): Promise<unknown[]> {
  const client = new pg.Client(product.databaseUrl());
  await client.connect();
  const { rows } = await client.query(
    `SELECT delivery_id, run, number, count(*) FROM audit.records
     WHERE kind IN ('attempted', 'succeeded', 'exhausted', 'expired') GROUP BY 1, 2, 3 HAVING count(*) > 1`,
  );
  await client.end();
  return rows;
}

/** Every acknowledged event has one delivery, it succeeded, and its receiver has it. */
async function reconcile(product: RunningSwitchhook, load: Load, arrivals: Arrivals): Promise<void> {
  const expected = load.acknowledged.size;
  await eventually(() => expect(arrivals.at.size).toBe(expected), { timeoutMs: 120_000, everyMs: 200 });
  const archived = await eventually(
    async () => {
      const pages = await Promise.all(ACCOUNTS.map((account) => allDeliveries(product.api(), account)));
      const all = pages.flat();
      expect(all.filter(({ status }) => status === 'succeeded')).toHaveLength(expected);
      return all;
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
  const byEvent = new Map<string, DeliveryItem>(archived.map((delivery) => [delivery.eventId, delivery]));
  expect(archived).toHaveLength(byEvent.size);
  expect([...load.acknowledged.keys()].filter((id) => !byEvent.has(id))).toEqual([]);
  expect(archived.filter(({ id }) => !arrivals.at.has(id))).toEqual([]);
}

describe.each<Engine>(['embedded', 'kafka'])('killed three times at 400 events a second, on the %s log', (engine) => {
  it.skipIf(engine === 'kafka' && !kafkaIsThere)(
    'loses no acknowledged event and repeats only calls that were in flight',
    { timeout: 300_000 },
    async () => {
      const arrivals = await startCounting();
      const product = await startSwitchhook({ engine, env: SETTINGS });
      closing.push(() => product.stop());
      for (const account of ACCOUNTS) {
        const callback = `${arrivals.receiver.url}/${account}`;
        const wanted = { resource: 'OutboundCall', events: ['Finished'], profile: 'standard', callback };
        await createWebhook(product.api(), wanted, account);
      }
      const abort = new AbortController();
      closing.push(async () => abort.abort());
      const load = startLoad({
        api: () => product.api(),
        perSecond: PER_SECOND,
        accounts: ACCOUNTS,
        signal: abort.signal,
      });

      await killRepeatedly(product);
      await sleep(BETWEEN_KILLS_MS);
      await load.stop();

      await reconcile(product, load, arrivals);
      expect(await repeatedWithoutNeed(product)).toEqual([]);
      expect(load.acknowledged.size).toBe(load.sent());
    },
  );
});
