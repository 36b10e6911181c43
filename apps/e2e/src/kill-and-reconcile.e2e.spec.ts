import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startReceiver, type Receiver } from '@switchhook/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { allDeliveries, createWebhook, type DeliveryItem } from './api.js';
import { kafkaIsThere, startSwitchhook, type Engine, type RunningSwitchhook } from './harness.js';
import { startLoad, type Load } from './load.js';

const SETTINGS = {
  SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
  SWITCHHOOK_ADMIN_USER: 'operator',
  SWITCHHOOK_ADMIN_PASSWORD: 'kill-and-reconcile',
};
const PER_SECOND = 400;
const KILLS = 3;
const BETWEEN_KILLS_MS = 3_000;
const RESTART_AFTER_MS = 1_000;
const ACCOUNTS = Array.from({ length: 20 }, (_, n) => 100 + n);
/** A call this long before a kill, or longer, must have been known to be made. */
const IN_FLIGHT_MS = 1_000;

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

/** When a kill was asked for, and when the process was gone; epoch ms. */
interface Kill {
  readonly from: number;
  readonly to: number;
}

/** Kills the process with no warning, again and again, and starts it anew on what it left. */
async function killRepeatedly(product: RunningSwitchhook): Promise<Kill[]> {
  const kills: Kill[] = [];
  for (let n = 0; n < KILLS; n++) {
    await sleep(BETWEEN_KILLS_MS);
    const from = Date.now();
    await product.kill9();
    kills.push({ from, to: Date.now() });
    await sleep(RESTART_AFTER_MS);
    await product.restart();
  }
  return kills;
}

/** Every acknowledged event has one delivery, it succeeded, and its receiver has it. */
async function reconcile(product: RunningSwitchhook, load: Load, arrivals: Arrivals): Promise<void> {
  const expected = load.acknowledged.size;
  await eventually(() => expect(arrivals.at.size).toBe(expected), { timeoutMs: 60_000, everyMs: 200 });
  const archived = await eventually(
    async () => {
      const pages = await Promise.all(ACCOUNTS.map((account) => allDeliveries(product.api(), account)));
      const all = pages.flat();
      expect(all.filter(({ status }) => status === 'succeeded')).toHaveLength(expected);
      return all;
    },
    { timeoutMs: 30_000, everyMs: 500 },
  );
  const byEvent = new Map<string, DeliveryItem>(archived.map((delivery) => [delivery.eventId, delivery]));
  expect(archived).toHaveLength(byEvent.size);
  expect([...load.acknowledged.keys()].filter((id) => !byEvent.has(id))).toEqual([]);
  expect(archived.filter(({ id }) => !arrivals.at.has(id))).toEqual([]);
}

describe.each<Engine>(['embedded', 'kafka'])('killed three times at 400 events a second, on the %s log', (engine) => {
  it.skipIf(engine === 'kafka' && !kafkaIsThere)(
    'loses no acknowledged event and repeats only calls that were in flight',
    { timeout: 240_000 },
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

      const kills = await killRepeatedly(product);
      await sleep(BETWEEN_KILLS_MS);
      await load.stop();

      await reconcile(product, load, arrivals);
      const repeated = [...arrivals.at.values()].filter((times) => times.length > 1);
      const inFlight = (arrivedAt: number) =>
        kills.some(({ from, to }) => arrivedAt > from - IN_FLIGHT_MS && arrivedAt <= to);
      const withoutKill = repeated.filter(([first = 0]) => !inFlight(first));
      expect(withoutKill).toEqual([]);
      expect(load.acknowledged.size).toBe(load.sent());
    },
  );
});
