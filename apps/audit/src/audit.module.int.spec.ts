import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeliveryPageSchema,
  DeliveryWithAttemptsSchema,
  HttpErrorSchema,
  TOPICS,
  type Credential,
  type TelephonyEvent,
} from '@switchhook/contracts';
import { deliveryId, endpointKey, eventKey } from '@switchhook/domain';
import { toRejected, type OutgoingRecord } from '@switchhook/event-log';
import {
  Closer,
  createLogger,
  credentialSecrets,
  generateKeys,
  generatedVerifier,
  startService,
  writeKeyFile,
  type RunningService,
} from '@switchhook/platform';
import {
  createDatabase,
  eventually,
  kafkaBrokers,
  kafkaPossible,
  uniqueTopicPrefix,
  type TestDatabase,
} from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestLog, anEvent, atFallback, called, idsOf } from './archive.fixture.js';
import { AuditModule } from './audit.module.js';

const PASSWORD = 'p4ss-of-the-spec';
/** interfaces.md: "The log follows a delivery within 2 s." */
const FOLLOWS_WITHIN_MS = 2_000;

const engines: readonly ('embedded log' | 'real Kafka')[] = (await kafkaPossible())
  ? ['embedded log', 'real Kafka']
  : ['embedded log'];

describe.each(engines)('audit on the %s', (engine) => {
  const logger = createLogger({ service: 'audit', level: 'fatal' });
  const closer = new Closer(logger);
  let server: TestDatabase;
  let folder: string;
  let service: RunningService;

  beforeAll(async () => {
    server = await createDatabase();
    folder = await mkdtemp(join(tmpdir(), 'switchhook-spec-'));
    const SWITCHHOOK_KEYS = join(folder, 'keys.json');
    await writeKeyFile(SWITCHHOOK_KEYS, generateKeys());
    const kafka = { KAFKA_BROKERS: await brokersOf(engine), TOPIC_PREFIX: uniqueTopicPrefix(), KAFKA_PARTITIONS: '2' };
    const env = { DATABASE_URL: server.url, SWITCHHOOK_KEYS, PORT: '0', ...kafka };
    const options = { name: 'audit', modules: [AuditModule], defaultPort: 0, env };
    service = await startService({ ...options, prepare: async ({ env: given }) => given }, logger, closer);
    await publish(
      credential({ id: 1, role: 'platform', username: 'platform' }),
      credential({ id: 2, role: 'account', username: 'seven', accountId: 7 }),
      credential({ id: 3, role: 'account', username: 'eight', accountId: 8 }),
      webhook(5, 7),
      webhook(6, 8),
    );
    await eventually(async () => (await get('/v2/deliveries', 'eight')).status === 200);
    await eventually(() => service.resources.webhooks.has(6, 1));
  });
  afterAll(async () => {
    await closer.closeAll();
    await server.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const publish = (...records: OutgoingRecord[]) => service.resources.log.publish(records);

  function credential(change: Pick<Credential, 'id' | 'role' | 'username'> & Partial<Credential>): OutgoingRecord {
    const verifier = generatedVerifier(credentialSecrets(service.resources.keyRing)[0]!, PASSWORD);
    const made = { version: 1, name: 'spec', verifier, enabled: true, deleted: false, createdAt: 1, ...change };
    const value = Buffer.from(JSON.stringify({ type: 'credential.created', at: 1, by: 'spec', credential: made }));
    return { topic: TOPICS.credentials.name, key: String(change.id), value, headers: {} };
  }

  function webhook(id: number, accountId: number): OutgoingRecord {
    const made = {
      ...{ id, accountId, version: 1, callVersion: 1, status: 'enabled', profile: 'standard', resource: 'InboundText' },
      ...{ events: ['Finished'], callback: 'https://example.com/hook', nonStrictSsl: false, singleUse: false },
      ...{ createdAt: 1, updatedAt: 1 },
    };
    const value = Buffer.from(JSON.stringify({ type: 'webhook.created', at: 1, by: 'spec', webhook: made }));
    return { topic: TOPICS.webhooks.name, key: String(id), value, headers: {} };
  }

  async function get(path: string, user = 'seven', headers: Record<string, string> = {}) {
    const authorization = `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}`;
    const answer = await fetch(service.url + path, { headers: { authorization, ...headers } });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /** Publishes what becomes of an event that the receiver takes at the second attempt. */
  async function deliver(event: TelephonyEvent, webhookId: number): Promise<string> {
    const story = new TestLog();
    const [place] = await publish(story.event(event));
    const first = idsOf(event, { ...story.records[0]!, ...place! }, { webhookId, acceptedAt: Date.now() });
    const second = { ...first, number: 2 };
    await publish(
      story.requested(event, first),
      story.signed(event, first),
      story.outcome(event, first, called('attempted', first, 503, { nextAttemptAt: first.acceptedAt + 5_000 })),
      story.requested(event, second),
      story.signed(event, second),
      story.outcome(event, second, atFallback(called('succeeded', second, 200))),
    );
    return first.deliveryId;
  }

  describe('the delivery log', () => {
    test('follows a delivery within 2 s, with all attempts', async () => {
      const event = anEvent({ id: 'followed', accountId: 7 });
      const from = performance.now();
      const id = await deliver(event, 5);
      const delivery = await eventually(async () => {
        const { body } = await get(`/v2/deliveries/${id}`);
        expect(body).toMatchObject({ status: 'succeeded' });
        return DeliveryWithAttemptsSchema.parse(body);
      });
      expect(performance.now() - from).toBeLessThan(FOLLOWS_WITHIN_MS);
      expect(delivery).toMatchObject({ eventId: 'followed', accountId: 7, webhookId: 5, attemptCount: 2 });
      expect(delivery.attempts.map(({ number, statusCode, target }) => [number, statusCode, target])).toEqual([
        [1, 503, 'primary'],
        [2, 200, 'fallback'],
      ]);
      expect(delivery.attempts[0]).toEqual({
        ...called('attempted', idsOf(event, { acceptedAt: 0 } as never), 503).attempt,
        bodyHash: undefined,
        responseBody: 'ok\uFFFD',
        target: 'primary',
        startedAt: expect.any(Number) as number,
      });
    });

    test('says of what waits why, since when and until when, as it is now', async () => {
      const [event, failed] = [anEvent({ id: 'parked', accountId: 7 }), anEvent({ id: 'failed', accountId: 7 })];
      const story = new TestLog();
      const [place, other] = await publish(story.event(event), story.event(failed));
      const ids = idsOf(event, { ...story.records[0]!, ...place! }, { webhookId: 9 });
      const retried = idsOf(failed, { ...story.records[1]!, ...other! }, { webhookId: 9 });
      const since = Date.UTC(2026, 10, 22, 11);
      const next = Date.now() + 3_600_000;
      await publish(
        webhook(9, 7),
        story.outcome(event, ids, { outcome: 'deferred', at: since + 5, since, reason: 'circuit-open' }),
        story.outcome(failed, retried, called('attempted', retried, 503, { nextAttemptAt: next })),
      );
      const explanations = async () => {
        const { body } = await get('/v2/webhooks/9/deliveries');
        return DeliveryPageSchema.parse(body).items.map(({ eventId, explanation }) => [eventId, explanation]);
      };
      const isShown = (parked: string, retry: string) =>
        eventually(async () =>
          expect(Object.fromEntries(await explanations())).toEqual({
            parked,
            failed: `attempt 1 failed: 503; ${retry}`,
          }),
        );
      const nextTry = `next try ${new Date(next).toISOString()}`;
      await isShown('parked: circuit was open since 2026-11-22T11:00:00.000Z; goes out in its turn', nextTry);

      const endpoint = endpointKey(7, 'https://example.com/hook', 'strict');
      const opened = { endpoint, accountId: 7, state: 'open', at: since + 60_000, openings: 2, retryAt: next };
      await publish({
        topic: TOPICS.endpoints.name,
        key: endpoint,
        value: Buffer.from(JSON.stringify(opened)),
        headers: {},
      });
      await isShown(`parked: circuit open since 2026-11-22T11:01:00.000Z, ${nextTry}`, nextTry);

      const pause = { type: 'deliveries.paused', at: 1, by: '1', accountId: 7, version: 1 };
      const held = { ...pause, pause: { since, by: '1', role: 'platform' } };
      await publish({
        topic: TOPICS.webhooks.name,
        key: 'pause:7',
        value: Buffer.from(JSON.stringify(held)),
        headers: {},
      });
      const paused = 'paused since 2026-11-22T11:00:00.000Z, until it is resumed';
      await isShown(`parked: ${paused}`, `${nextTry}, ${paused}`);
      const { body } = await get(`/v2/deliveries/${ids.deliveryId}`);
      expect(DeliveryWithAttemptsSchema.parse(body).explanation).toBe(`parked: ${paused}`);
    });

    test('shows an account nothing of another, by no path', async () => {
      const id = await deliver(anEvent({ id: 'walled', accountId: 8 }), 6);
      await eventually(async () => (await get(`/v2/deliveries/${id}`, 'eight')).status === 200);
      // Events and outcomes are topics of their own: the one may be archived before the other.
      await eventually(
        async () => ((await get('/v2/events?eventId=walled', 'eight')).body['items'] as unknown[]).length === 1,
      );
      for (const path of [`/v2/deliveries/${id}`, '/v2/webhooks/6/deliveries', '/v2/webhooks/999/deliveries']) {
        const { status, body } = await get(path);
        expect([path, status]).toEqual([path, 404]);
        expect(HttpErrorSchema.parse(body).internalCode).toBe(40402);
      }
      for (const path of ['/v2/deliveries?eventId=walled', '/v2/deliveries?webhookId=6', '/v2/events?eventId=walled']) {
        expect((await get(path)).body['items']).toEqual([]);
        expect((await get(path, 'eight')).body['items']).toHaveLength(1);
        expect((await get(path, 'platform')).body['items']).toEqual([]);
        expect((await get(path, 'platform', { 'switchhook-account': '8' })).body['items']).toHaveLength(1);
      }
      const page = DeliveryPageSchema.parse((await get('/v2/webhooks/6/deliveries', 'eight')).body);
      expect(page.items.map((each) => each.id)).toEqual([id]);
    });

    test('shows an event of which no account could be read to the platform alone, acting for nobody', async () => {
      const nameless = { topic: TOPICS.events.name, key: 'k', value: Buffer.from('{'), headers: { ce_id: 'nameless' } };
      const [place] = await publish(nameless);
      await publish(
        toRejected({ ...nameless, key: Buffer.from('k'), ...place!, appendedAtMs: 1 }, 'not-json', 'at byte 1'),
      );
      const path = '/v2/events?eventId=nameless';
      await eventually(async () => ((await get(path, 'platform')).body['items'] as unknown[]).length === 1);
      expect((await get(path, 'platform', { 'switchhook-account': '1' })).body['items']).toEqual([]);
      expect((await get(path)).body['items']).toEqual([]);
    });

    test('counts what it archives, and lets no record stop it', async () => {
      await publish({ topic: TOPICS.outcomes.name, key: null, value: Buffer.from('?'), headers: {} });
      const scrape = async (): Promise<string> => (await fetch(`${service.url}/metrics`)).text();
      await eventually(async () =>
        /switchhook_records_unreadable_total\{topic="deliveries.outcomes.v1"\} 1/.test(await scrape()),
      );
      expect(await scrape()).toMatch(/switchhook_hop_seconds_count\{hop="archive"\} [1-9]/);
      const id = await deliver(anEvent({ id: 'after', accountId: 7 }), 5);
      await eventually(async () => (await get(`/v2/deliveries/${id}`)).body['status'] === 'succeeded');
      expect(id).toBe(deliveryId(eventKey(7, 'switch-7', 'after'), 5));
    });
  });

  describe('a wrong request', () => {
    test.each([
      ['/v2/deliveries?status=done', 'status'],
      ['/v2/deliveries?limit=501', 'limit'],
      ['/v2/deliveries?limit=0', 'limit'],
      ['/v2/deliveries?limit=5&limit=6', 'limit'],
      ['/v2/deliveries?from=yesterday', 'from'],
      ['/v2/deliveries?webhookId=a', 'webhookId'],
      ['/v2/deliveries?webhookid=5', 'webhookid'],
      ['/v2/deliveries?source=x', 'source'],
      ['/v2/deliveries?eventId=', 'eventId'],
      ['/v2/deliveries?eventId=a%00b', 'eventId'],
      ['/v2/deliveries?cursor=abc', 'cursor'],
      ['/v2/webhooks/5/deliveries?webhookId=6', 'webhookId'],
      ['/v2/events?status=pending', 'status'],
      ['/v2/events?eventType=x', 'eventType'],
      ['/v2/events?cursor=abc', 'cursor'],
    ])('%s is a 400 that names %s', async (path, field) => {
      const { status, body } = await get(path);
      expect(status).toBe(400);
      const error = HttpErrorSchema.parse(body);
      expect(error.errors?.map((each) => each.field)).toEqual([field]);
      expect(error.message.startsWith(`${field} `)).toBe(true);
    });

    test('names every unknown parameter', async () => {
      const { body } = await get('/v2/deliveries?a=1&b=2');
      expect(HttpErrorSchema.parse(body).errors?.map(({ field }) => field)).toEqual(['a', 'b']);
    });

    test('for what is no id at all is a 404', async () => {
      for (const path of ['/v2/deliveries/1', '/v2/deliveries/%00', '/v2/webhooks/x/deliveries']) {
        expect((await get(path)).status).toBe(404);
      }
    });

    test('without credentials is a 401', async () => {
      for (const path of ['/v2/deliveries', '/v2/deliveries/1', '/v2/webhooks/5/deliveries', '/v2/events']) {
        expect((await get(path, 'nobody')).status).toBe(401);
      }
    });
  });
});

const brokersOf = async (engine: (typeof engines)[number]): Promise<string | undefined> =>
  engine === 'real Kafka' ? kafkaBrokers() : undefined;
