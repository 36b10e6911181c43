import { EndpointChangeSchema, TOPICS, type EndpointChange, type Webhook } from '@switchhook/contracts';
import { openKafkaLog, type EventLog } from '@switchhook/event-log';
import { eventually, kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  endpointFixture,
  openWorld,
  receivers,
  requestFixture,
  runDelivery,
  type World,
} from './running-delivery.fixture.js';

/** "Agreed between instances within 2 s." */
const AGREED = { timeoutMs: 2_000 };
const JOINED = { timeoutMs: 30_000 };
const FAR_MS = 3_600_000;
const EVENTS = 40;
const OPERATOR = 7;
/** Of one account and with one callback: one endpoint, called from both partitions. */
const TWINS = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({ ...endpointFixture(id), callback: 'http://receiver.example/' }));

const silent = () => undefined;
const kafkaIsThere = await kafkaPossible();

describe('two instances of delivery on Kafka', () => {
  let world: World;
  let closers: (() => Promise<void>)[];
  let openLog: () => EventLog;

  beforeEach(async () => {
    closers = [];
    if (!kafkaIsThere) return;
    const brokers = (await kafkaBrokers()).split(',');
    const topicPrefix = uniqueTopicPrefix();
    const logger = { debug: silent, info: silent, warn: silent, error: silent };
    const options = { brokers, topicPrefix, clientId: 'spec', createTopics: true, partitions: 2, logger };
    openLog = () => openKafkaLog(options);
    world = await openWorld(openLog);
  });
  afterEach(async () => {
    for (const close of closers.reverse()) await close();
    await world?.close();
  });

  async function instance(openTimeMs: () => number) {
    const to = receivers();
    const log = openLog();
    await log.start();
    closers.push(async () => log.close());
    const given = { log, connection: world.connection };
    const running = await runDelivery({ world: given, webhooks: TWINS, send: to.send, openTimeMs });
    closers.push(running.close);
    const state = () => running.delivery.circuits.look(TWINS[0]!).then((circuit) => circuit.state);
    return { ...running, to, state };
  }
  type Instance = Awaited<ReturnType<typeof instance>>;

  const request = (webhook: Webhook, from: number, to: number) =>
    world.log.publish(Array.from({ length: to - from }, (_, index) => requestFixture(webhook, from + index)));
  const partitionsOf = (...instances: Instance[]) =>
    instances.map(({ delivery }) => delivery.counts().partitions.length);
  /** A webhook that the instance calls; every one has had its event 0. */
  const calledBy = ({ to }: Instance): Webhook => TWINS.find(({ id }) => to.eventsOf(id).length > 0)!;

  it.skipIf(!kafkaIsThere)(
    'agree within 2 s that a breaker has opened, that it was reset, and that it has closed',
    async () => {
      let openMs = FAR_MS;
      const [one, two] = [await instance(() => openMs), await instance(() => openMs)];
      const told: EndpointChange[] = [];
      const follower = await world.log.follow(TOPICS.endpoints.name, (records) => {
        for (const { value } of records) told.push(EndpointChangeSchema.parse(JSON.parse(String(value))));
      });
      closers.push(async () => follower.close());
      await eventually(() => expect(partitionsOf(one, two)).toEqual([1, 1]), JOINED);
      for (const twin of TWINS) await request(twin, 0, 1);
      await eventually(() => expect(calledBy(one) && calledBy(two)).toBeDefined(), JOINED);
      const [mine, other] = [calledBy(one), calledBy(two)];

      one.to.down.add(mine.id);
      await request(mine, 1, EVENTS);
      await eventually(async () => expect(await one.state()).toBe('open'), JOINED);
      await eventually(async () => expect(await two.state()).toBe('open'), AGREED);
      const seen = await one.delivery.circuits.look(mine);
      expect(seen).toMatchObject({ openings: 1, lastFailure: { statusCode: null, error: 'refused' }, fallback: null });
      // How long it has to wait is counted from when it was heard, and never longer.
      expect(await two.delivery.circuits.look(other)).toEqual(seen);
      await request(other, 1, EVENTS);
      const parked = `select count(*)::int as n from delivery.schedule where due_at is null and webhook_id = $1`;
      const parkedOf = async ({ id }: Webhook) => (await world.connection.query(parked, [id]))[0].n as number;
      await eventually(async () => expect(await parkedOf(other)).toBe(EVENTS - 1), JOINED);
      expect(two.to.eventsOf(other.id)).toEqual([0]);

      one.to.down.clear();
      expect(await two.delivery.circuits.reset(other, OPERATOR)).toMatchObject({ state: 'closed', openings: 0 });
      await eventually(async () => expect(await one.state()).toBe('closed'), AGREED);
      await eventually(() => expect(two.to.eventsOf(other.id)).toHaveLength(EVENTS), JOINED);
      await eventually(async () => expect([await parkedOf(mine), await parkedOf(other)]).toEqual([0, 0]), JOINED);
      expect(told.map(({ state, resetBy }) => [state, resetBy])).toEqual([
        ['open', undefined],
        ['closed', OPERATOR],
      ]);

      openMs = 1_500;
      two.to.down.add(other.id);
      await request(other, EVENTS, 2 * EVENTS);
      await eventually(async () => expect(await two.state()).toBe('open'), JOINED);
      two.to.down.clear();
      await eventually(async () => expect(await one.state()).not.toBe('closed'), AGREED);
      const calls = one.to.eventsOf(mine.id).length;
      await eventually(async () => expect(await two.state()).toBe('closed'), JOINED);
      await eventually(async () => expect(await one.state()).toBe('closed'), AGREED);
      expect(one.to.eventsOf(mine.id)).toHaveLength(calls);
    },
    120_000,
  );
});
