import { openKafkaLog } from '@switchhook/event-log';
import { KafkaProxy, eventually, kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { endpointFixture, openWorld, receivers, requestFixture, runDelivery } from './running-delivery.fixture.js';

const nothing = () => undefined;
const WEBHOOK = endpointFixture(1);
/** The shortest that brokers allow unless told otherwise. */
const SESSION_TIMEOUT_MS = 6_000;

describe.skipIf(!(await kafkaPossible()))('a member whose heartbeats stall', () => {
  it('begins no call once its last heartbeat is older than half its session, and goes on when they are back', async () => {
    const proxy = new KafkaProxy((await kafkaBrokers()).split(',')[0] ?? '');
    const brokers = [await proxy.listen()];
    const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const world = await openWorld(() =>
      openKafkaLog({
        ...{ brokers, clientId: 'heartbeats', topicPrefix: uniqueTopicPrefix(), createTopics: true, partitions: 1 },
        ...{ logger, sessionTimeoutMs: SESSION_TIMEOUT_MS },
      }),
    );
    const endpoints = receivers();
    const running = await runDelivery({
      ...{ world, webhooks: [WEBHOOK], send: endpoints.send, openTimeMs: () => 60_000 },
    });
    const { id } = WEBHOOK;
    endpoints.hold(id);
    // More than the webhook's calls at a time: the others wait in the lane.
    await world.log.publish([0, 1, 2, 3, 4, 5, 6].map((event) => requestFixture(WEBHOOK, event)));
    await eventually(() => expect(running.delivery.counts()).toMatchObject({ records: 7, calls: 4 }), {
      timeoutMs: 15_000,
    });

    proxy.hold('heartbeat');
    const stalledMs = Date.now();
    await eventually(() => expect(proxy.heldCount).toBeGreaterThan(0), { timeoutMs: 5_000 });
    await eventually(() => Date.now() - stalledMs > SESSION_TIMEOUT_MS / 2, { timeoutMs: 10_000 });
    endpoints.letGo(id);
    await eventually(() => expect(running.delivery.counts()).toMatchObject({ records: 3, calls: 0 }));
    expect(endpoints.eventsOf(id)).toEqual([0, 1, 2, 3]);

    proxy.letGo();
    await eventually(() => expect(endpoints.eventsOf(id)).toEqual([0, 1, 2, 3, 4, 5, 6]), { timeoutMs: 10_000 });
    await running.close();
    await world.close();
    proxy.close();
  }, 60_000);
});
