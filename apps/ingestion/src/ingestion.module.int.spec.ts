import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HEADER, TOPICS, headerText, type Credential, type Webhook } from '@switchhook/contracts';
import { parseAttributes, readAttemptIds } from '@switchhook/domain';
import type { EventLog, Follower, LogRecord } from '@switchhook/event-log';
import {
  Closer,
  createLogger,
  credentialSecrets,
  generatedVerifier,
  startService,
  writeKeyFile,
  generateKeys,
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
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IngestionModule } from './ingestion.module.js';
import { eventRecordAt, webhook } from './testing/fakes.js';

/** Of an event, or of what became of one. */
function eventIdOf({ headers }: LogRecord): string | undefined {
  const attributes = headerText(headers, HEADER.attributes);
  return attributes === undefined ? headerText(headers, 'ce_id') : parseAttributes(attributes).id;
}

const PASSWORD = 'p4ss-of-the-spec';
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** What the service wrote, in the order of each partition. */
class Seen {
  readonly records: LogRecord[] = [];
  readonly followers: Follower[] = [];

  async follow(log: EventLog, ...topics: string[]): Promise<void> {
    for (const topic of topics) {
      this.followers.push(await log.follow(topic, (records) => void this.records.push(...records)));
    }
  }

  of(topic: string, eventId: string): LogRecord[] {
    return this.records.filter((each) => each.topic === topic && eventIdOf(each) === eventId);
  }
}

const engines: readonly ('embedded log' | 'real Kafka')[] = (await kafkaPossible())
  ? ['embedded log', 'real Kafka']
  : ['embedded log'];

describe.each(engines)('ingestion on the %s', (engine) => {
  const logger = createLogger({ service: 'ingestion', level: 'fatal' });
  const closer = new Closer(logger);
  const seen = new Seen();
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
    const options = { name: 'ingestion', modules: [IngestionModule], defaultPort: 0, env };
    service = await startService({ ...options, prepare: async ({ env: given }) => given }, logger, closer);
    const { log } = service.resources;
    await seen.follow(log, TOPICS.requested.name, TOPICS.outcomes.name, 'events.v1', 'events.v1.rejected');
    await announce(webhook(1), webhook(2, { accountId: 8 }));
    await credential({ id: 1, role: 'platform', username: 'platform' });
    await credential({ id: 2, role: 'account', username: 'seven', accountId: 7 });
    await eventually(async () => (await post('{}', {}, 'seven')).status !== 401);
  });

  afterAll(async () => {
    await Promise.all(seen.followers.map((each) => each.close()));
    await closer.closeAll();
    await server.drop();
    await rm(folder, { recursive: true, force: true });
  });

  async function announce(...webhooks: Webhook[]): Promise<void> {
    await service.resources.log.publish(
      webhooks.map((each) => ({
        topic: TOPICS.webhooks.name,
        key: String(each.id),
        value: Buffer.from(JSON.stringify({ type: 'webhook.created', at: 1, by: 'spec', webhook: each })),
        headers: {},
      })),
    );
  }

  async function credential(change: Pick<Credential, 'id' | 'role' | 'username'> & Partial<Credential>): Promise<void> {
    const [secret] = credentialSecrets(service.resources.keyRing);
    const verifier = generatedVerifier(secret ?? randomBytes(32), PASSWORD);
    const credential = { version: 1, name: 'spec', verifier, enabled: true, deleted: false, createdAt: 1, ...change };
    const value = Buffer.from(JSON.stringify({ type: 'credential.created', at: 1, by: 'spec', credential }));
    const record = { topic: TOPICS.credentials.name, key: String(change.id), value, headers: {} };
    await service.resources.log.publish([record]);
  }

  const post = (body: string | Buffer, headers: Record<string, string>, user = 'seven'): Promise<Response> =>
    fetch(`${service.url}/v2/events`, {
      method: 'POST',
      headers: { authorization: basic(user, PASSWORD), ...headers },
      body: new Uint8Array(Buffer.from(body)),
    });

  const structured = { 'content-type': 'application/cloudevents+json' };
  const batched = { 'content-type': 'application/cloudevents-batch+json' };
  const event = (id: string, change: object = {}) => ({
    ...{ specversion: '1.0', id, source: 'spec', type: 'OutboundCall.Finished', data: { id: 1 } },
    ...change,
  });

  it('an event by HTTP is durable at 202, requested once, and a duplicate when it comes again', async () => {
    const text = `{"specversion":"1.0","id":"http-1","source":"spec","type":"OutboundCall.Finished","data":{"id": 7420017300281076000}}`;
    const first = await post(text, structured);
    expect([first.status, await first.json()]).toEqual([202, { accepted: 1, duplicates: 0 }]);
    const [request] = await eventually(() => nonEmpty(seen.of(TOPICS.requested.name, 'http-1')));
    expect(request?.value?.toString()).toBe('{"id": 7420017300281076000}');
    expect(readAttemptIds(request!.headers).webhookId).toBe(1);
    const again = await post(text, structured);
    expect([again.status, await again.json()]).toEqual([202, { accepted: 0, duplicates: 1 }]);
    expect(seen.of('events.v1', 'http-1')).toHaveLength(1);
  });

  it('an event that producers append twice is requested once', async () => {
    const { log } = service.resources;
    const { topic, key, value, headers } = eventRecordAt(0, {}, 'kafka-1');
    await log.publish([1, 2].map(() => ({ topic, key, value, headers })));
    const after = eventRecordAt(0, {}, 'kafka-2');
    await log.publish([{ topic, key, value, headers: after.headers }]);
    await eventually(() => nonEmpty(seen.of(TOPICS.requested.name, 'kafka-2')));
    expect(seen.of(TOPICS.requested.name, 'kafka-1')).toHaveLength(1);
    expect(await metric('switchhook_events_duplicate_total')).toBeGreaterThan(0);
  });

  it('an event that nobody wants is unmatched, and a record that nobody can read is rejected', async () => {
    const { log } = service.resources;
    await post(JSON.stringify(event('nobody', { type: 'InboundText.Finished' })), structured);
    const { topic, key, headers } = eventRecordAt(0, {}, 'broken');
    await log.publish([{ topic, key, value: Buffer.from('no json'), headers }]);
    const [outcome] = await eventually(() => nonEmpty(seen.of(TOPICS.outcomes.name, 'nobody')));
    expect(headerText(outcome!.headers, HEADER.outcome)).toBe('unmatched');
    const [rejected] = await eventually(() => nonEmpty(seen.of('events.v1.rejected', 'broken')));
    expect(headerText(rejected!.headers, HEADER.reason)).toMatch(/^not-json: /);
    expect(rejected?.value?.toString()).toBe('no json');
  });

  it('an event for a webhook that was made a moment ago finds it', async () => {
    for (let id = 100; id < 110; id++) {
      await announce(webhook(id, { accountId: id }));
      const answer = await post(JSON.stringify(event(`new-${id}`, { accountid: `${id}` })), structured, 'platform');
      expect(answer.status).toBe(202);
      await eventually(() => nonEmpty(seen.of(TOPICS.requested.name, `new-${id}`)));
    }
  });

  it('of two quick events for a webhook that triggers once, one is requested and the other is unmatched', async () => {
    await announce(webhook(200, { accountId: 200, singleUse: true }));
    const [first, second] = await Promise.all(
      ['once-1', 'once-2'].map((id) =>
        post(JSON.stringify(event(id, { accountid: '200', subject: id })), structured, 'platform'),
      ),
    );
    expect([first?.status, second?.status]).toEqual([202, 202]);
    const requested = () => ['once-1', 'once-2'].flatMap((id) => seen.of(TOPICS.requested.name, id));
    const unmatched = () => ['once-1', 'once-2'].flatMap((id) => seen.of(TOPICS.outcomes.name, id));
    await eventually(() => requested().length > 0 && unmatched().length > 0);
    expect([requested().length, unmatched().length]).toEqual([1, 1]);
  });

  it('many requests at once are each answered, and every event is requested exactly once', async () => {
    const ids = Array.from({ length: 300 }, (_, at) => `many-${at}`);
    const answers = await Promise.all(ids.map((id) => post(JSON.stringify(event(id)), structured)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await eventually(() => ids.every((id) => seen.of(TOPICS.requested.name, id).length > 0));
    expect(ids.filter((id) => seen.of(TOPICS.requested.name, id).length !== 1)).toEqual([]);
  });

  describe('refuses, with the precise cause in CallFire’s error body', () => {
    const big = JSON.stringify('x'.repeat(300 * 1024));
    const binary = (change: Record<string, string> = {}) => ({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'b1',
      'ce-source': 'spec',
      'ce-type': 'OutboundCall.Finished',
      ...change,
    });
    it.each<[string, string, Record<string, string>, number, object]>([
      ['malformed JSON', '{"id":', structured, 400, { errors: [{ field: 'event' }] }],
      [
        'an unknown type',
        JSON.stringify(event('x', { type: 'Fax.Sent' })),
        structured,
        400,
        { errors: [{ field: 'type' }] },
      ],
      ['300 KB of data', big, binary(), 413, { errors: [{ field: 'data' }] }],
      [
        '300 KB in a batch',
        JSON.stringify([event('x'), event('y', { data: big })]),
        batched,
        413,
        { errors: [{ index: 1, field: 'data' }] },
      ],
      [
        'a batch with one bad event',
        JSON.stringify([event('x'), event('y', { id: '' })]),
        batched,
        400,
        { errors: [{ index: 1, field: 'id' }] },
      ],
      ['a body over 4 MiB', ' '.repeat(4 * 1024 * 1024 + 1), structured, 413, {}],
      ['plain JSON', '{}', { 'content-type': 'application/json' }, 415, {}],
      [
        'another’s account',
        JSON.stringify(event('x', { accountid: '8' })),
        structured,
        403,
        { errors: [{ field: 'accountid' }] },
      ],
      [
        'an unknown account',
        JSON.stringify(event('x', { accountid: '999' })),
        { ...structured, user: 'platform' },
        400,
        { errors: [{ field: 'accountid' }] },
      ],
      ['a wrong password', '{}', { ...structured, authorization: basic('seven', 'wrong') }, 401, {}],
    ])('%s', async (_, body, { user, ...headers }, status, expected) => {
      const before = await service.resources.log.ends('events.v1');
      const answer = await post(body, headers as Record<string, string>, user);
      const error = (await answer.json()) as { internalCode: number; message: string };
      expect([answer.status, error]).toMatchObject([status, { httpStatusCode: status, ...expected }]);
      expect(Math.floor(error.internalCode / 100)).toBe(status);
      expect(error.message).not.toBe('');
      expect(await service.resources.log.ends('events.v1')).toEqual(before);
    });
  });

  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  };

  it('counts what it does', async () => {
    expect(await metric('switchhook_events_accepted_total')).toBeGreaterThanOrEqual(300);
    expect(await metric('switchhook_events_rejected_total')).toBe(1);
    expect(await metric('switchhook_hop_seconds_count')).toBeGreaterThanOrEqual(300);
  });
});

const brokersOf = async (engine: (typeof engines)[number]): Promise<string | undefined> =>
  engine === 'real Kafka' ? kafkaBrokers() : undefined;

function nonEmpty<Value>(values: Value[]): Value[] {
  if (values.length === 0) throw new Error('Nothing has come yet');
  return values;
}
