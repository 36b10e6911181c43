import { eventually } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  endpointFixture,
  openWorld,
  receivers,
  requestFixture,
  runDelivery,
  type RunOptions,
  type World,
} from './running-delivery.fixture.js';

const SICK = endpointFixture(1);
const WELL = endpointFixture(2);
const FAR_MS = 3_600_000;
const EVENTS = 60;

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

async function run(options: Omit<RunOptions, 'world'>) {
  const running = await runDelivery({ world, ...options });
  closers.push(running.close);
  return running;
}
const request = (webhook: typeof SICK, events: readonly number[]) =>
  world.log.publish(events.map((event) => requestFixture(webhook, event)));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const rowsOf = async (webhookId: number): Promise<{ due_at: string | null; number: number }[]> =>
  world.connection.query('select due_at, number from delivery.schedule where webhook_id = $1', [webhookId]);
const gates = async (): Promise<Record<string, unknown>[]> =>
  world.connection.query('select webhook_id, reason, opens_at from delivery.gates');
const sorted = (events: readonly number[]) => [...events].sort((a, b) => a - b);

/** The endpoint refused connections until the breaker opened, and everything for it is in the schedule. */
async function openedFor(to: ReturnType<typeof receivers>, events: number) {
  to.down.add(SICK.id);
  await request(SICK, numbers(0, events));
  await eventually(async () => expect(await rowsOf(SICK.id)).toHaveLength(events));
  return to.eventsOf(SICK.id).length;
}

describe('an endpoint that does not answer', () => {
  it('gets no more calls once its breaker is open, while those of others go out', async () => {
    const to = receivers();
    const { states } = await run({ webhooks: [SICK, WELL], send: to.send, openTimeMs: () => FAR_MS });
    const called = await openedFor(to, EVENTS);
    // Five failures, and what had begun besides.
    expect(called).toBeGreaterThanOrEqual(5);
    expect(called).toBeLessThanOrEqual(8);
    await request(SICK, numbers(EVENTS, 2 * EVENTS));
    await request(WELL, numbers(0, EVENTS));
    await eventually(() => expect(to.eventsOf(WELL.id)).toHaveLength(EVENTS));
    await eventually(async () => expect(await rowsOf(SICK.id)).toHaveLength(2 * EVENTS));
    expect(to.eventsOf(SICK.id)).toHaveLength(called);
    expect(states).toEqual(['open']);
    const rows = await rowsOf(SICK.id);
    expect(rows.filter(({ due_at, number }) => due_at === null && number === 1)).toHaveLength(2 * EVENTS - called);
    await eventually(async () => expect(await gates()).toMatchObject([{ webhook_id: '1', reason: 'circuit-open' }]));
  });

  it('gets no retry that becomes due while its breaker is open: it is parked with the others', async () => {
    const to = receivers();
    const impatient = endpointFixture(SICK.id, 50);
    await run({ webhooks: [impatient], send: to.send, openTimeMs: () => FAR_MS });
    const called = await openedFor(to, EVENTS);
    await eventually(async () => expect((await rowsOf(SICK.id)).every(({ due_at }) => due_at === null)).toBe(true));
    expect(to.eventsOf(SICK.id)).toHaveLength(called);
  });

  it('has one breaker for all webhooks that call it, and a gate for each', async () => {
    const to = receivers();
    const twin = { ...endpointFixture(3, 1_000), callback: `${SICK.callback}?twin` };
    await run({ webhooks: [SICK, twin], send: to.send, openTimeMs: () => FAR_MS });
    to.down.add(twin.id);
    await request(twin, [0]);
    await eventually(async () => expect(await rowsOf(twin.id)).toHaveLength(1));
    await openedFor(to, EVENTS);
    const waiting = async () => (await gates()).map((gate) => gate.webhook_id);
    await eventually(async () => expect((await waiting()).sort()).toEqual(['1', '3']));
    expect(await rowsOf(twin.id)).toEqual([{ due_at: null, number: 2 }]);
    expect(to.eventsOf(twin.id)).toEqual([0]);
  });

  it('gets exactly one call when its time has passed, and after that failed none until twice that time', async () => {
    const to = receivers();
    const openings: number[] = [];
    const openTimeMs = (count: number) => (openings.push(count), count === 1 ? 400 : FAR_MS);
    const { states } = await run({ webhooks: [SICK, WELL], send: to.send, openTimeMs });
    const called = await openedFor(to, EVENTS);
    to.hold(SICK.id);
    // Well before anything that looks every few seconds would find it.
    await eventually(() => expect(to.eventsOf(SICK.id)).toHaveLength(called + 1), { timeoutMs: 2_500 });
    await request(SICK, numbers(EVENTS, 2 * EVENTS));
    await request(WELL, numbers(0, EVENTS));
    await eventually(() => expect(to.eventsOf(WELL.id)).toHaveLength(EVENTS));
    expect(to.eventsOf(SICK.id)).toHaveLength(called + 1);
    to.letGo(SICK.id);
    await eventually(() => expect(states).toEqual(['open', 'half-open', 'open']));
    await eventually(async () => expect(await rowsOf(SICK.id)).toHaveLength(2 * EVENTS));
    await eventually(async () => expect(Number((await gates())[0]?.opens_at)).toBeGreaterThan(Date.now() + FAR_MS / 2));
    expect(to.eventsOf(SICK.id)).toHaveLength(called + 1);
    expect(openings).toEqual([1, 2]);
  });

  it('gets everything that waited, in order and never more calls at a time than it allows, once it answers', async () => {
    const to = receivers();
    const { states } = await run({ webhooks: [SICK], send: to.send, openTimeMs: () => 400 });
    const called = await openedFor(to, EVENTS);
    const failed = to.eventsOf(SICK.id);
    to.down.clear();
    await eventually(() => expect(to.eventsOf(SICK.id)).toHaveLength(EVENTS), { timeoutMs: 10_000 });
    const drained = to.eventsOf(SICK.id).slice(called);
    expect(drained).toEqual(sorted(drained));
    expect(sorted([...failed, ...drained])).toEqual(numbers(0, EVENTS));
    expect(to.mostOpen()).toBeLessThanOrEqual(4);
    expect(states).toEqual(['open', 'half-open', 'closed']);
    await eventually(async () => expect(await gates()).toEqual([]));
    await request(SICK, [EVENTS]);
    await eventually(() => expect(to.eventsOf(SICK.id).at(-1)).toBe(EVENTS));
  });

  it('gets no call after a restart either, before its time; nothing is lost', async () => {
    const to = receivers();
    const first = await run({ webhooks: [SICK], send: to.send, openTimeMs: () => FAR_MS });
    const called = await openedFor(to, EVENTS);
    await closers.pop()?.();
    expect(first.states).toEqual(['open']);
    to.down.clear();
    const second = await run({ webhooks: [SICK, WELL], send: to.send, openTimeMs: () => FAR_MS });
    await request(SICK, [EVENTS]);
    await request(WELL, [0]);
    await eventually(() => expect(to.eventsOf(WELL.id)).toEqual([0]));
    await eventually(async () => expect(await rowsOf(SICK.id)).toHaveLength(EVENTS + 1));
    expect(to.eventsOf(SICK.id)).toHaveLength(called);
    expect(second.states).toEqual(['open']);
  });
});
