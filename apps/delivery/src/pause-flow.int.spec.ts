import { HEADER, TOPICS, headerText, splitParts, type Outcome, type Pause, type Webhook } from '@switchhook/contracts';
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

const HELD = endpointFixture(1, 30);
const FREE: Webhook = { ...endpointFixture(2), accountId: 2 };
const EVENTS = 60;
/** Well before anything that looks every five seconds would find it. */
const SOON = { timeoutMs: 3_000 };
const pauseSince = (since: number): Pause => ({ since, by: '1', role: 'platform' });

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

async function run(webhooks: readonly Webhook[], to: ReturnType<typeof receivers>) {
  const running = await runDelivery({ world, webhooks, send: to.send, openTimeMs: () => 1_000 });
  closers.push(running.close);
  return running;
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
const request = (webhook: Webhook, events: readonly number[], subject?: (event: number) => string) =>
  world.log.publish(events.map((event) => requestFixture(webhook, event, subject?.(event))));
const rowsOf = async (webhookId: number): Promise<{ due_at: string | null; number: number }[]> =>
  world.connection.query('select due_at, number from delivery.schedule where webhook_id = $1', [webhookId]);
const gates = async (): Promise<Record<string, unknown>[]> =>
  world.connection.query('select webhook_id, reason from delivery.gates order by webhook_id');
async function outcomes(): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for (const [partition, end] of (await world.log.ends(TOPICS.outcomes.name)).entries()) {
    for await (const records of world.log.read(TOPICS.outcomes.name, partition, { position: 0 }, end)) {
      for (const { value, headers } of records) {
        expect(headerText(headers, HEADER.outcome)).toBeDefined();
        all.push(JSON.parse(splitParts(value ?? Buffer.alloc(0), headers)[0]?.toString() ?? '') as Outcome);
      }
    }
  }
  return all;
}

describe('a webhook that is paused', () => {
  it('gets no call, all that is for it waits without a time behind one gate, and others are not held', async () => {
    const to = receivers();
    const { change } = await run([HELD, FREE], to);
    change({ ...HELD, version: 2, pause: pauseSince(100) });
    await request(HELD, numbers(0, EVENTS));
    await request(FREE, numbers(0, EVENTS));
    await eventually(() => expect(to.eventsOf(FREE.id)).toHaveLength(EVENTS));
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(EVENTS));
    expect(to.eventsOf(HELD.id)).toEqual([]);
    expect((await rowsOf(HELD.id)).every(({ due_at, number }) => due_at === null && number === 1)).toBe(true);
    await eventually(async () => expect(await gates()).toEqual([{ webhook_id: '1', reason: 'paused' }]));
    const deferred = (await outcomes()).filter(({ outcome }) => outcome === 'deferred');
    expect(deferred).toHaveLength(EVENTS);
    expect(deferred.every(({ reason, since }) => reason === 'paused' && since === 100)).toBe(true);
  });

  it('lets calls under way end, and parks what waited in its lane', async () => {
    const to = receivers();
    const { change } = await run([HELD], to);
    to.hold(HELD.id);
    await request(HELD, numbers(0, EVENTS));
    await eventually(() => expect(to.eventsOf(HELD.id)).toHaveLength(4));
    change({ ...HELD, version: 2, pause: pauseSince(100) });
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(EVENTS - 4));
    to.letGo(HELD.id);
    await eventually(async () =>
      expect((await outcomes()).filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(4),
    );
    expect(to.eventsOf(HELD.id)).toHaveLength(4);
  });

  it('gets no retry that becomes due: it is parked with the others', async () => {
    const to = receivers();
    const { change } = await run([HELD], to);
    to.hold(HELD.id);
    to.down.add(HELD.id);
    await request(HELD, [0]);
    await eventually(() => expect(to.eventsOf(HELD.id)).toEqual([0]));
    change({ ...HELD, version: 2, pause: pauseSince(100) });
    to.letGo(HELD.id);
    await eventually(async () => expect(await rowsOf(HELD.id)).toEqual([{ due_at: null, number: 2 }]));
    await eventually(async () => expect(await gates()).toEqual([{ webhook_id: '1', reason: 'paused' }]));
    expect(to.eventsOf(HELD.id)).toEqual([0]);
  });

  it('gets all of it, in order and no more calls at a time than it allows, as soon as it is resumed', async () => {
    const to = receivers();
    const { change } = await run([HELD], to);
    change({ ...HELD, version: 2, pause: pauseSince(100) });
    await request(HELD, numbers(0, EVENTS));
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(EVENTS));
    change({ ...HELD, version: 3 });
    await eventually(() => expect(to.eventsOf(HELD.id)).toHaveLength(EVENTS), SOON);
    expect(to.eventsOf(HELD.id)).toEqual(numbers(0, EVENTS));
    expect(to.mostOpen()).toBeLessThanOrEqual(4);
    await eventually(async () => expect(await gates()).toEqual([]));
    await eventually(async () => expect(await rowsOf(HELD.id)).toEqual([]));
  });

  it('keeps the order of its subjects through a pause', async () => {
    const to = receivers();
    const ordered: Webhook = { ...HELD, ordering: 'key' };
    const { change } = await run([ordered], to);
    const subject = (event: number) => `call-${event % 3}`;
    to.hold(HELD.id);
    await request(ordered, numbers(0, 30), subject);
    await eventually(() => expect(to.eventsOf(HELD.id)).toHaveLength(3));
    change({ ...ordered, version: 2, pause: pauseSince(100) });
    await request(ordered, numbers(30, EVENTS), subject);
    to.letGo(HELD.id);
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(EVENTS - 3));
    expect(to.eventsOf(HELD.id)).toHaveLength(3);
    change({ ...ordered, version: 3 });
    await eventually(() => expect(to.eventsOf(HELD.id)).toHaveLength(EVENTS), { timeoutMs: 8_000 });
    for (const key of [0, 1, 2]) {
      const ofSubject = to.eventsOf(HELD.id).filter((event) => event % 3 === key);
      expect(ofSubject).toEqual([...ofSubject].sort((a, b) => a - b));
    }
  });

  it('is held after a restart, too, and goes on when it was resumed meanwhile', async () => {
    const to = receivers();
    const paused: Webhook = { ...HELD, pause: pauseSince(100) };
    const first = await run([paused], to);
    await request(HELD, numbers(0, 10));
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(10));
    await first.close();
    const second = await run([paused, FREE], to);
    await request(HELD, numbers(10, 20));
    await request(FREE, [0]);
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(20));
    await eventually(() => expect(to.eventsOf(FREE.id)).toEqual([0]));
    expect(to.eventsOf(HELD.id)).toEqual([]);
    await second.close();
    await run([HELD], to);
    await eventually(() => expect(to.eventsOf(HELD.id)).toEqual(numbers(0, 20)), SOON);
    await eventually(async () => expect(await gates()).toEqual([]));
  });
});

describe('an account that is paused, and everything', () => {
  it.each([
    ['an account', 1],
    ['everything', undefined],
  ] as const)('%s: is held and goes on with one order, and has gates only for what waits', async (_what, accountId) => {
    const to = receivers();
    const idle = endpointFixture(3);
    const { pauses } = await run([HELD, FREE, idle], to);
    pauses.put({ type: 'deliveries.paused', at: 1, by: '1', accountId, version: 1, pause: pauseSince(100) });
    await request(HELD, numbers(0, EVENTS));
    await request(FREE, numbers(0, 5));
    await eventually(async () => expect(await rowsOf(HELD.id)).toHaveLength(EVENTS));
    if (accountId === undefined) await eventually(async () => expect(await rowsOf(FREE.id)).toHaveLength(5));
    else await eventually(() => expect(to.eventsOf(FREE.id)).toHaveLength(5));
    expect(to.eventsOf(HELD.id)).toEqual([]);
    const waiting = accountId === undefined ? ['1', '2'] : ['1'];
    await eventually(async () => expect((await gates()).map(({ webhook_id }) => webhook_id)).toEqual(waiting));
    pauses.put({ type: 'deliveries.resumed', at: 2, by: '1', accountId, version: 2 });
    await eventually(() => expect(to.eventsOf(HELD.id)).toEqual(numbers(0, EVENTS)), SOON);
    await eventually(() => expect(to.eventsOf(FREE.id)).toHaveLength(5));
    await eventually(async () => expect(await gates()).toEqual([]));
  });
});
