import { eventually } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SendCall } from './http-sender.js';
import {
  endpointFixture,
  openWorld,
  requestFixture,
  runDelivery,
  type RunOptions,
  type World,
} from './running-delivery.fixture.js';

const FAR_MS = 3_600_000;
const WEBHOOK = { ...endpointFixture(1, 50), fallbackCallback: 'http://fallback.example/' };

let world: World;
let closers: (() => Promise<void>)[];
/** What each server was asked, and which do not answer. */
let asked: { primary: number[]; fallback: number[] };
let down: Set<string>;

beforeEach(async () => {
  closers = [];
  asked = { primary: [], fallback: [] };
  down = new Set();
  world = await openWorld();
});
afterEach(async () => {
  for (const close of closers) await close();
  await world.close();
});

const send: SendCall = async ({ call, body }) => {
  const server = call.url === WEBHOOK.fallbackCallback ? 'fallback' : 'primary';
  asked[server].push(Number(body.toString().split(':')[1]));
  await new Promise(setImmediate);
  return down.has(server)
    ? { statusCode: null, error: 'refused', responseBody: null, abandoned: false }
    : { statusCode: 200, error: null, responseBody: null, abandoned: false };
};
async function run(options: Pick<RunOptions, 'openTimeMs'>) {
  const running = await runDelivery({ world, webhooks: [WEBHOOK], send, ...options });
  closers.push(running.close);
  return running;
}
const request = (events: number) =>
  world.log.publish(Array.from({ length: events }, (_, event) => requestFixture(WEBHOOK, event)));
const rows = (): Promise<{ due_at: string | null }[]> => world.connection.query('select due_at from delivery.schedule');

describe('a webhook with a fallback', () => {
  it('whose endpoint does not answer gets everything at its fallback, and no call more than its breaker allows', async () => {
    down.add('primary');
    const { outcomes } = await run({ openTimeMs: () => FAR_MS });
    await request(40);
    await eventually(() => expect(new Set(asked.fallback).size).toBe(40), { timeoutMs: 10_000 });
    await eventually(async () => expect(await rows()).toEqual([]));
    expect(asked.fallback).toHaveLength(40);
    expect(asked.primary.length).toBeLessThanOrEqual(8);
    const succeeded = outcomes.filter(({ outcome }) => outcome === 'succeeded');
    expect(succeeded).toHaveLength(40);
    expect(succeeded.every(({ attempt }) => attempt?.target === 'fallback')).toBe(true);
    expect(await world.connection.query('select * from delivery.gates')).toEqual([]);
  });

  it('waits behind its gate while both are away, and is delivered when one is back', async () => {
    down.add('primary').add('fallback');
    await run({ openTimeMs: (openings) => (openings === 1 ? 300 : 200) });
    await request(40);
    await eventually(
      async () => {
        const waiting = await rows();
        expect(waiting).toHaveLength(40);
        expect(waiting.filter(({ due_at }) => due_at === null).length).toBeGreaterThan(30);
      },
      { timeoutMs: 10_000 },
    );
    down.delete('fallback');
    await eventually(async () => expect(await rows()).toEqual([]), { timeoutMs: 20_000 });
    expect(new Set([...asked.fallback, ...asked.primary]).size).toBe(40);
  });

  it('is called again itself when it is back', async () => {
    down.add('primary');
    await run({ openTimeMs: () => 200 });
    await request(20);
    await eventually(() => expect(new Set(asked.fallback).size).toBe(20), { timeoutMs: 10_000 });
    down.delete('primary');
    asked.primary.length = 0;
    let event = 1_000;
    const another = () => world.log.publish([requestFixture(WEBHOOK, event++)]);
    await eventually(
      async () => {
        await another();
        expect(asked.primary).not.toEqual([]);
      },
      { everyMs: 100, timeoutMs: 10_000 },
    );
    const more = [2_001, 2_002, 2_003, 2_004, 2_005];
    await world.log.publish(more.map((each) => requestFixture(WEBHOOK, each)));
    await eventually(() => expect(asked.primary).toEqual(expect.arrayContaining(more)));
    expect(asked.fallback.filter((each) => more.includes(each))).toEqual([]);
  });
});
