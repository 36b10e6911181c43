import { setTimeout as answerAfter } from 'node:timers/promises';
import { openTimeMs } from '@switchhook/domain';
import { eventually } from '@switchhook/testing';
import { expect, it } from 'vitest';
import type { CallAnswer, SendCall } from './http-sender.js';
import { endpointFixture, openWorld, requestFixture, runDelivery } from './running-delivery.fixture.js';

const EVENTS = 3_000;
const RATE = { perSecond: 500, burst: 50 };
const ENDPOINT = { ...endpointFixture(1), concurrency: 32, rateLimit: RATE };
const ANSWER: CallAnswer = { statusCode: 200, error: null, responseBody: null, abandoned: false };

/** Down until it is let up; notes when each call came, how many were open then, and how many had been answered. */
function endpoint() {
  const calls: { at: number; open: number; answered: number }[] = [];
  let [open, answered, isDown] = [0, 0, true];
  const send: SendCall = async () => {
    if (isDown) return { ...ANSWER, statusCode: null, error: 'refused' };
    open += 1;
    calls.push({ at: performance.now(), open, answered });
    await answerAfter(5);
    open -= 1;
    answered += 1;
    return ANSWER;
  };
  return { send, calls, up: () => (isDown = false) };
}

it('an endpoint that comes back gets no herd: one call, then more and more, never over its rate, until all is there', async () => {
  const world = await openWorld();
  const to = endpoint();
  const running = await runDelivery({
    world,
    webhooks: [ENDPOINT],
    send: to.send,
    openTimeMs: (openings) => openTimeMs(openings) / 10,
  });
  const rows = async (which = ''): Promise<number> => {
    const [row] = await world.connection.query(`select count(*)::int as n from delivery.schedule ${which}`);
    return row.n;
  };
  try {
    const records = Array.from({ length: EVENTS }, (_, event) => requestFixture(ENDPOINT, event));
    await world.log.publish(records);
    await eventually(async () => expect(await rows()).toBe(EVENTS), { timeoutMs: 20_000 });
    to.up();
    // What had been called before waits for a time of its own, later.
    await eventually(async () => expect(await rows('where due_at is null')).toBe(0), { timeoutMs: 40_000 });
    const times = to.calls.map(({ at }) => at);
    expect(times.length + (await rows())).toBe(EVENTS);
    // Half-open let one through; each answer doubled what may be open, up to what the webhook allows.
    for (const { open, answered } of to.calls) expect(open).toBeLessThanOrEqual(Math.min(32, 2 ** answered));
    for (let from = 0; from + RATE.perSecond < times.length; from += 50) {
      const inWindow = times.filter((at) => at >= times[from]! && at < times[from]! + 1_000).length;
      expect(inWindow).toBeLessThanOrEqual(RATE.perSecond + RATE.burst + 5);
    }
  } finally {
    await running.close();
    await world.close();
  }
}, 90_000);
