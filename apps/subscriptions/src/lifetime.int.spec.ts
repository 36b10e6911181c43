import { WebhookEventSchema, type OutcomeName } from '@switchhook/contracts';
import { attemptHeaders, attributesHeader } from '@switchhook/domain';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { runSubscriptions, type RunningSubscriptions } from './testing/running-subscriptions.js';

let server: { url: string; drop(): Promise<void> };
let log: MemoryLog;
let service: RunningSubscriptions;
let nowMs = 1_800_000_000_000;

beforeAll(async () => {
  server = await createDatabase();
  log = memoryLog();
  service = await runSubscriptions({ url: server.url, log, clock: () => nowMs });
  await eventually(() => expect(service.resources.readiness.report().status).toBe('ok'));
});

afterAll(async () => {
  await service.stop();
  await server.drop();
});

async function create(changes: object): Promise<number> {
  const sample = { resource: 'OutboundText', events: ['Finished'], callback: 'https://example.com/hook' };
  const answer = await service.call('POST', '/v2/webhooks', { ...sample, ...changes });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json().id;
}

const statusOf = async (id: number): Promise<number> => (await service.call('GET', `/v2/webhooks/${id}`)).statusCode;

const factsOf = (id: number): string[] =>
  log.records
    .filter(({ topic, key }) => topic === 'webhooks.v1' && key?.toString() === String(id))
    .map(({ value }) => WebhookEventSchema.parse(JSON.parse(value?.toString() ?? '')).type);

/** What delivery says about one delivery to the webhook. */
async function outcome(id: number, name: OutcomeName): Promise<void> {
  const headers = {
    ...attemptHeaders({
      accountId: 1,
      eventKey: '6d2aa8a6-5bd0-5f37-9e0c-0f0b9ee9d3a1',
      deliveryId: '0b5c9b51-9ff3-5e86-8d2e-0a3d6a0a8b11',
      webhookId: id,
      webhookVersion: 1,
      ...{ run: 0, number: 1, deferrals: 0, acceptedAt: 0, origin: '0:1' },
    }),
    'switchhook-schema': '1',
    'switchhook-outcome': name,
  };
  await log.publish([{ topic: 'deliveries.outcomes.v1', key: String(id), value: Buffer.from('{}'), headers }]);
}

describe('a webhook with singleUse', () => {
  it('is spent with the first outcome, answers until its delivery has ended, and is gone then', async () => {
    const id = await create({ singleUse: true });
    await outcome(id, 'attempted');
    await outcome(id, 'attempted');
    await eventually(() => expect(factsOf(id)).toEqual(['webhook.created', 'webhook.spent']));
    expect((await service.call('GET', `/v2/webhooks/${id}`)).json()).toMatchObject({ id, enabled: false });
    await outcome(id, 'succeeded');
    await outcome(id, 'succeeded');
    await eventually(() => expect(factsOf(id)).toEqual(['webhook.created', 'webhook.spent', 'webhook.deleted']));
    expect(await statusOf(id)).toBe(404);
  });

  it.each(['succeeded', 'exhausted', 'expired', 'cancelled', 'rejected'] as const)(
    'is gone when its only attempt ends as %s',
    async (name) => {
      const id = await create({ singleUse: true });
      await outcome(id, name);
      await eventually(() => expect(factsOf(id)).toEqual(['webhook.created', 'webhook.deleted']));
      expect(await statusOf(id)).toBe(404);
    },
  );

  it('may be deleted by the customer before its delivery has ended', async () => {
    const id = await create({ singleUse: true });
    await service.call('DELETE', `/v2/webhooks/${id}`);
    await outcome(id, 'succeeded');
    expect(factsOf(id)).toEqual(['webhook.created', 'webhook.deleted']);
  });
});

it('outcomes of other webhooks, and outcomes without a webhook, change nothing', async () => {
  const id = await create({});
  await outcome(id, 'succeeded');
  await log.publish([
    {
      topic: 'deliveries.outcomes.v1',
      key: 'event',
      value: Buffer.from('{}'),
      headers: { 'switchhook-schema': '1', 'switchhook-outcome': 'unmatched' },
    },
  ]);
  expect(factsOf(id)).toEqual(['webhook.created']);
});

it('an outcome about a webhook version that is not known yet, or of a newer schema, is held', async () => {
  const id = await create({ singleUse: true });
  await expect(outcome(id + 1_000, 'succeeded')).rejects.toThrow('not known yet');
  const headers = { 'switchhook-schema': '2' };
  const newer = log.publish([{ topic: 'deliveries.outcomes.v1', key: 'x', value: Buffer.from('{}'), headers }]);
  await expect(newer).rejects.toThrow('newer version');
});

describe('a webhook whose endpoint answers 410', () => {
  const attempt = {
    ...{ run: 0, number: 1, startedAt: 1, durationMs: 1, url: 'https://example.com/hook', statusCode: 410 },
    ...{ error: null, responseBody: null, bodyHash: '', signingKeyIds: [], traceId: '' },
  };
  const gone = async (id: number, number: number): Promise<void> => {
    const deliveryId = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    const value = Buffer.from(JSON.stringify({ outcome: 'exhausted', at: nowMs, reason: 'status-410', attempt }));
    const event = { accountId: 1, id: 'text-1', source: '/switch', type: 'OutboundText.Finished', time: '' };
    const headers = {
      ...attemptHeaders({
        ...{ accountId: 1, eventKey: deliveryId, deliveryId, webhookId: id, webhookVersion: 1 },
        ...{ run: 0, number: 1, deferrals: 0, acceptedAt: 1, origin: '0:1' },
      }),
      ...attributesHeader({ ...event, dataContentType: 'application/json', extensions: {}, data: value }),
      ...{ 'switchhook-schema': '1', 'switchhook-outcome': 'exhausted' },
    };
    await log.publish([{ topic: 'deliveries.outcomes.v1', key: String(id), value, headers }]);
  };
  const noticesOf = (id: number): unknown[] =>
    log.records
      .filter(({ topic, headers }) => topic === 'events.v1' && headers['ce_subject'] === `webhook:${id}`)
      .map(({ key, headers }) => ({
        key: key?.toString(),
        type: headers['ce_type'],
        account: headers['ce_accountid'],
      }));

  it('is disabled for that reason, says so on the log, and begins anew when it is enabled again', async () => {
    const id = await create({});
    await gone(id, id);
    await eventually(() => expect(factsOf(id)).toEqual(['webhook.created', 'webhook.disabled']));
    // A call that was under way then: it disables nothing, and there is nothing more to say of that.
    await gone(id, id + 1);
    const [row] = await service.resources.database.query<{ waits: object | null }[]>(
      `SELECT state -> 'Disabled' -> 'data' AS waits FROM subscriptions.webhook_health WHERE webhook_id = ${id}`,
    );
    expect(row).toEqual({ waits: null });
    expect((await service.call('GET', `/v2/webhooks/${id}`)).json()).toMatchObject({ enabled: false });
    await eventually(() =>
      expect(noticesOf(id)).toEqual([
        { key: `1:webhook:${id}`, type: 'Webhook.Disabled', account: '1' },
        { key: `1:webhook:${id}`, type: 'Webhook.Exhausted', account: '1' },
      ]),
    );
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { enabled: true })).statusCode).toBe(200);
    await gone(id, id);
    expect(service.resources.webhooks.get(id)).toMatchObject({ status: 'enabled', enabledAt: nowMs });
    expect(factsOf(id)).toEqual(['webhook.created', 'webhook.disabled', 'webhook.changed']);
  });
});

it('events about webhooks can be wanted, and are in the catalogue of all profiles only', async () => {
  await create({ resource: 'webhook', events: ['disabled', 'Exhausted'] });
  const found = await service.call('GET', '/v2/webhooks?resource=Webhook&event=Disabled');
  expect(found.json().items).toMatchObject([{ resource: 'Webhook', events: ['Disabled', 'Exhausted'] }]);
  const catalogue = async (query: string) =>
    (await service.call('GET', `/v2/webhooks/resources${query}`)).json().items?.length;
  expect([await catalogue(''), await catalogue('?profile=standard'), await catalogue('?profile=*')]).toEqual([
    11, 11, 12,
  ]);
  expect((await service.call('GET', '/v2/webhooks/resources/webhook?profile=*')).json()).toEqual({
    resource: 'Webhook',
    supportedEvents: ['Disabled', 'Exhausted'],
  });
  expect((await service.call('GET', '/v2/webhooks/resources/webhook')).statusCode).toBe(404);
  expect((await service.call('GET', '/v2/webhooks/resources?profile=fax')).json()).toMatchObject({
    message: 'profile must be one of callfire-v2, standard, *',
  });
});

describe('a webhook with expiresAt', () => {
  it('expires by itself when the time has come, once, and comes back when it is given more', async () => {
    const id = await create({ expiresAt: nowMs + 60_000 });
    const other = await create({ expiresAt: nowMs + 600_000 });
    nowMs += 60_000;
    await eventually(() => expect(factsOf(id)).toEqual(['webhook.created', 'webhook.expired']));
    expect((await service.call('GET', `/v2/webhooks/${id}`)).json()).toMatchObject({ enabled: false });
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { expiresAt: nowMs + 1 })).statusCode).toBe(200);
    expect((await service.call('GET', `/v2/webhooks/${id}`)).json()).toMatchObject({ enabled: true });
    nowMs += 1;
    await eventually(() => expect(factsOf(id)).toHaveLength(4));
    expect(factsOf(id).at(-1)).toBe('webhook.expired');
    expect(factsOf(other)).toEqual(['webhook.created']);
  });
});
