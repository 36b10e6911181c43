import { eventually } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  endpointFixture,
  openWorld,
  receivers,
  requestFixture,
  runDelivery,
  type World,
} from './running-delivery.fixture.js';

const RATE = { perSecond: 2, burst: 5 };
const LIMITED = { ...endpointFixture(1), rateLimit: RATE };
const FREE = endpointFixture(2);
/** What a lane takes of a webhook with that rate: a minute's calls. */
const LANE = 125;
const EVENTS = LANE + 80;

let world: World;
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  closers = [];
  world = await openWorld();
});
afterEach(async () => {
  for (const close of closers) await close();
  await world.close();
});

const request = (webhook: typeof FREE, events: number) =>
  world.log.publish(Array.from({ length: events }, (_, event) => requestFixture(webhook, event)));
const parkedOf = async (webhookId: number): Promise<number> => {
  const rows = await world.connection.query(
    'select 1 from delivery.schedule where webhook_id = $1 and due_at is null',
    [webhookId],
  );
  return rows.length;
};
const gates = async (): Promise<Record<string, unknown>[]> =>
  world.connection.query('select webhook_id, reason from delivery.gates');

async function run(webhooks: readonly (typeof FREE)[], to: ReturnType<typeof receivers>) {
  const running = await runDelivery({ world, webhooks, send: to.send, openTimeMs: () => 1_000 });
  closers.push(running.close);
  return running;
}

describe('a webhook over its rate', () => {
  it('gets its rate, and what is over a minute of it waits without a time behind one gate; others do not wait', async () => {
    const to = receivers();
    const since = Date.now();
    await run([LIMITED, FREE], to);
    await request(LIMITED, EVENTS);
    await eventually(async () => expect(await parkedOf(LIMITED.id)).toBeGreaterThanOrEqual(EVENTS - LANE - 20));
    await eventually(async () => expect(await gates()).toEqual([{ webhook_id: '1', reason: 'rate-limited' }]));
    await request(FREE, 300);
    await eventually(() => expect(to.eventsOf(FREE.id)).toHaveLength(300));
    const allowed = RATE.burst + ((Date.now() - since) / 1_000) * RATE.perSecond;
    expect(to.eventsOf(LIMITED.id).length).toBeLessThanOrEqual(Math.ceil(allowed));
    expect(to.eventsOf(LIMITED.id).length).toBeGreaterThanOrEqual(RATE.burst);
  });

  it('has nothing of its burst left for the next owner, who begins with an empty bucket', async () => {
    const to = receivers();
    const slow = { ...LIMITED, rateLimit: { perSecond: 0.05, burst: 10 } };
    const first = await run([slow], to);
    await request(slow, 40);
    await eventually(async () => expect(await gates()).toHaveLength(1));
    await first.close();
    const called = to.eventsOf(slow.id).length;
    expect(called).toBe(10);
    const { delivery } = await run([slow], to);
    await eventually(() => expect(delivery.counts().records).toBeGreaterThan(0));
    expect(to.eventsOf(slow.id).length).toBeLessThanOrEqual(called + 1);
  });

  it('gets all of it at its rate, in order, and the gate is gone when nothing waits', async () => {
    const to = receivers();
    const quick = { ...LIMITED, rateLimit: { perSecond: 200, burst: 1 }, concurrency: 1 };
    const since = Date.now();
    await run([quick], to);
    await request(quick, 400);
    await eventually(() => expect(to.eventsOf(quick.id)).toHaveLength(400), { timeoutMs: 10_000 });
    const tookMs = Date.now() - since;
    expect(tookMs).toBeGreaterThanOrEqual((399 / 200) * 1_000);
    expect(to.eventsOf(quick.id)).toEqual(Array.from({ length: 400 }, (_, event) => event));
    await eventually(async () => expect(await gates()).toEqual([]));
  });
});
