import { CredentialEventSchema, type CredentialEvent } from '@switchhook/contracts';
import { generateKeys, open } from '@switchhook/platform';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import {
  ADMIN,
  runSubscriptions,
  type RunningSubscriptions,
  type RunOptions,
} from './testing/running-subscriptions.js';

let server: { url: string; drop(): Promise<void> };
let log: MemoryLog;
let running: RunningSubscriptions[];
const keys = generateKeys();

beforeEach(async () => {
  server = await createDatabase();
  log = memoryLog();
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((service) => service.stop()));
  await server.drop();
});

async function start(options: Partial<RunOptions> = {}): Promise<RunningSubscriptions> {
  const service = await runSubscriptions({ url: server.url, log, keys, ...options });
  running.push(service);
  return service;
}

async function stop(service: RunningSubscriptions): Promise<void> {
  running = running.filter((other) => other !== service);
  await service.stop();
}

const isReady = (service: RunningSubscriptions): Promise<void> =>
  eventually(() => expect(service.resources.readiness.report()).toMatchObject({ status: 'ok' }));

const credentialEvents = (): CredentialEvent[] =>
  log.records
    .filter(({ topic }) => topic === 'credentials.v1')
    .map(({ value }) => CredentialEventSchema.parse(JSON.parse(value?.toString() ?? '')));

const asks = async (service: RunningSubscriptions, as: string): Promise<number> =>
  (await service.call('GET', '/v2/webhooks', undefined, { as })).statusCode;

const sample = { resource: 'OutboundText', events: ['Finished'], callback: 'https://example.com/hook' };

describe('the platform credential', () => {
  it('is made at the first start, reaches the log without its password, and stays at the next start', async () => {
    const first = await start();
    await isReady(first);
    expect(await asks(first, `${ADMIN.username}:${ADMIN.password}`)).toBe(200);
    await stop(first);
    const second = await start();
    await isReady(second);
    expect(credentialEvents()).toMatchObject([
      { type: 'credential.created', credential: { id: 1, role: 'platform', username: ADMIN.username, version: 1 } },
    ]);
    expect(JSON.stringify(credentialEvents())).not.toContain(ADMIN.password);
  });

  it('is replaced when the settings name another password, and the old one is refused', async () => {
    await stop(await start());
    const service = await start({ env: { SWITCHHOOK_ADMIN_PASSWORD: 'another password' } });
    await isReady(service);
    expect(await asks(service, `${ADMIN.username}:another password`)).toBe(200);
    expect(await asks(service, `${ADMIN.username}:${ADMIN.password}`)).toBe(401);
    expect(credentialEvents().map(({ type }) => type)).toEqual(['credential.created', 'credential.replaced']);
  });

  it('keeps the service unready until it is on the log', async () => {
    log.setAway(true);
    const service = await start();
    expect(service.resources.readiness.report().checks['platform credential']).toEqual({
      ok: false,
      reason: 'it is not on the event log yet',
    });
    log.setAway(false);
    await isReady(service);
  });
});

describe('when the log is away', () => {
  it('answers 503 after 5 s, names the webhook, keeps the change and relays it when the log is back', async () => {
    const service = await start();
    await isReady(service);
    log.setAway(true);
    const begun = performance.now();
    const answer = await service.call('POST', '/v2/webhooks', sample);
    expect(performance.now() - begun).toBeGreaterThan(4_900);
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.json()).toMatchObject({ internalCode: 50303 });
    const id = Number(/webhook (\d+)/.exec(answer.json().developerMessage)?.[1]);
    expect((await service.call('GET', `/v2/webhooks/${id}`)).statusCode).toBe(200);
    log.setAway(false);
    await eventually(() => expect(service.resources.webhooks.get(id)).toMatchObject({ id, version: 1 }), {
      timeoutMs: 10_000,
    });
  });

  it.each(['callfire-v2', 'standard'])(
    'answers the id of the first when a create is sent again within a minute (%s)',
    async (profile) => {
      let nowMs = Date.now();
      const service = await start({ clock: () => nowMs });
      await isReady(service);
      log.setAway(true);
      const body = { ...sample, profile };
      const refused = await service.call('POST', '/v2/webhooks', body);
      const id = Number(/webhook (\d+)/.exec(refused.json().developerMessage)?.[1]);
      log.setAway(false);
      const again = await service.call('POST', '/v2/webhooks', body);
      expect([again.statusCode, again.json().id]).toEqual([201, id]);
      const { secret } = again.json();
      const sealed = service.resources.webhooks.get(id)?.secret;
      const context = { accountId: 1, webhookId: id, field: 'secret' };
      // The first secret was shown to nobody: the one that is answered now must be the one that signs.
      expect(sealed && (await open(service.resources.keyRing, 'signing', context, sealed))).toBe(secret);
      expect((await service.call('POST', '/v2/webhooks', { ...body, name: 'other' })).json().id).not.toBe(id);
      expect((await service.call('POST', '/v2/webhooks', body, { account: 2 })).json().id).not.toBe(id);
      nowMs += 60_001;
      expect((await service.call('POST', '/v2/webhooks', body)).json().id).not.toBe(id);
    },
  );

  it('publishes all webhooks and credentials again, in order, when the log is another one', async () => {
    const first = await start();
    await isReady(first);
    const { id } = (await first.call('POST', '/v2/webhooks', sample)).json();
    await first.call('PUT', `/v2/webhooks/${id}`, { name: 'changed' });
    await stop(first);
    log = memoryLog('another');
    const second = await start();
    await isReady(second);
    await eventually(() => expect(log.records).toHaveLength(3));
    expect(log.records.map(({ topic }) => topic)).toEqual(['credentials.v1', 'webhooks.v1', 'webhooks.v1']);
    expect(second.resources.webhooks.get(id)).toMatchObject({ name: 'changed', version: 2 });
  });
});
