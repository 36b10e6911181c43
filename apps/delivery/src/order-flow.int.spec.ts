import { setTimeout as answerAfter } from 'node:timers/promises';
import type { Webhook } from '@switchhook/contracts';
import { openKafkaLog } from '@switchhook/event-log';
import { eventually, kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import type { CallAnswer, SendCall } from './http-sender.js';
import { endpointFixture, openWorld, requestFixture, runDelivery } from './running-delivery.fixture.js';

const SUBJECTS = 1_000;
const EACH = 4;
const EVENTS = SUBJECTS * EACH;
const ORDERED: Webhook = {
  ...endpointFixture(1),
  ordering: 'key',
  concurrency: 64,
  retry: { delaysMs: Array<number>(10).fill(200), maxAgeMs: 3_600_000 },
};
const subjectOf = (event: number): number => event % SUBJECTS;
const ANSWER: CallAnswer = { statusCode: 200, error: null, responseBody: null, abandoned: false };

/** Refuses 1 % of the events, each of them twice (429: no reason for a breaker); notes what came while an earlier one of its subject had not been answered with 200. */
function endpoint() {
  const tries = new Map<number, number>();
  const open = new Set<number>();
  const done = new Set<number>();
  const inversions: string[] = [];
  let isDown = false;
  const send: SendCall = async ({ body }) => {
    const event = Number(body.toString().split(':')[1]);
    const subject = subjectOf(event);
    if (open.has(subject)) inversions.push(`${event} beside another of ${subject}`);
    for (let earlier = event - SUBJECTS; earlier >= 0; earlier -= SUBJECTS) {
      if (!done.has(earlier)) inversions.push(`${event} before ${earlier}`);
    }
    open.add(subject);
    const count = (tries.get(event) ?? 0) + 1;
    tries.set(event, count);
    await answerAfter(1);
    open.delete(subject);
    if (event % 101 === 7 && count <= 2) return { ...ANSWER, statusCode: 429 };
    if (isDown) return { ...ANSWER, statusCode: 503 };
    done.add(event);
    return ANSWER;
  };
  return {
    send,
    done,
    inversions,
    /** From now on it answers all calls with 503, or is well again. */
    setDown: (down: boolean) => void (isDown = down),
    repeated: () => [...tries].filter(([event, n]) => event % 101 !== 7 && n > 1).length,
  };
}

const silent = () => undefined;
const kafkaLog = (brokers: string) =>
  openKafkaLog({
    brokers: brokers.split(','),
    ...{ clientId: 'spec', topicPrefix: uniqueTopicPrefix(), createTopics: true, partitions: 2 },
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  });
const kafkaIsThere = await kafkaPossible();

/**
 * 1,000 subjects with four events each. A first process delivers a quarter of them, then its webhook is edited; when half have
 * arrived, a second process follows, to which comes what the first has released and not called.
 */
async function deliverAcrossRestart(
  engine: 'embedded' | 'kafka',
  openTimeMs: number,
  test: (given: {
    readonly to: ReturnType<typeof endpoint>;
    readonly states: () => readonly string[];
    readonly rows: () => Promise<number>;
  }) => Promise<void>,
): Promise<void> {
  const brokers = engine === 'kafka' ? await kafkaBrokers() : undefined;
  const world = await openWorld(brokers === undefined ? undefined : () => kafkaLog(brokers));
  const to = endpoint();
  const options = { world, webhooks: [ORDERED], send: to.send, openTimeMs: () => openTimeMs };
  let running = await runDelivery(options);
  try {
    await world.log.publish(
      Array.from({ length: EVENTS }, (_, event) => requestFixture(ORDERED, event, `call-${subjectOf(event)}`)),
    );
    await eventually(() => expect(to.done.size).toBeGreaterThan(EVENTS / 4), { timeoutMs: 20_000 });
    const edited = { ...ORDERED, version: 2, callVersion: 2 };
    running.change(edited);
    await eventually(() => expect(to.done.size).toBeGreaterThan(EVENTS / 2), { timeoutMs: 20_000 });
    await running.close();
    running = await runDelivery({ ...options, webhooks: [edited] });
    const rows = async (): Promise<number> =>
      (await world.connection.query('select count(*)::int as n from delivery.schedule'))[0].n;
    await test({ to, states: () => running.states, rows });
  } finally {
    await running.close();
    await world.close();
  }
}

describe.each(['embedded', 'kafka'] as const)('a webhook that keeps the order of subjects, on %s', (engine) => {
  it.skipIf(engine === 'kafka' && !kafkaIsThere)(
    'gets 1,000 subjects in order through failures, an edited URL and a restart, and nothing twice',
    () =>
      deliverAcrossRestart(engine, 1_000, async ({ to, rows }) => {
        await eventually(() => expect(to.done.size).toBe(EVENTS), { timeoutMs: 40_000 });
        expect(to.inversions).toEqual([]);
        expect(to.repeated()).toBe(0);
        await eventually(async () => expect(await rows()).toBe(0), { timeoutMs: 10_000 });
      }),
    120_000,
  );

  it.skipIf(engine === 'kafka' && !kafkaIsThere)(
    'goes on in order when its breaker opened right after a restart and the endpoint is well again',
    () =>
      deliverAcrossRestart(engine, 300, async ({ to, states }) => {
        to.setDown(true);
        await eventually(() => expect(states()).toContain('open'), { timeoutMs: 20_000 });
        to.setDown(false);
        await eventually(() => expect(to.done.size).toBe(EVENTS), { timeoutMs: 20_000 });
        expect(to.inversions).toEqual([]);
      }),
    120_000,
  );
});
