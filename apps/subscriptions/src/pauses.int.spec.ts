import { PauseEventSchema, WebhookEventSchema } from '@switchhook/contracts';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { runSubscriptions, type ApiRequest, type RunningSubscriptions } from './testing/running-subscriptions.js';

let server: { url: string; drop(): Promise<void> };
let log: MemoryLog;
let service: RunningSubscriptions;

beforeAll(async () => {
  server = await createDatabase();
  log = memoryLog();
  service = await runSubscriptions({ url: server.url, log });
  await eventually(() => expect(service.resources.readiness.report().status).toBe('ok'));
});

afterAll(async () => {
  await service.stop();
  await server.drop();
});

const give = async (order: 'pause' | 'resume', body?: unknown, request: ApiRequest = {}) => {
  const answer = await service.call('POST', `/v2/platform/${order}`, body, request);
  return { status: answer.statusCode, body: answer.json() };
};
const paused = async (request: ApiRequest = {}, query = '') =>
  (await service.call('GET', `/v2/platform/pause${query}`, undefined, request)).json();
const BODY = { resource: 'InboundCall', events: ['Finished'], callback: 'https://example.com/x' };
const webhookOf = async (account: number): Promise<number> =>
  (await service.call('POST', '/v2/webhooks', BODY, { account })).json().id;
const credentialOf = async (account: number): Promise<ApiRequest> => {
  const made = await service.call('POST', '/v2/me/api/credentials', { name: 'ci' }, { account });
  const { username, password } = made.json();
  return { as: `${username}:${password}` };
};
const recordsOf = (key: string) =>
  log.records
    .filter((record) => record.topic === 'webhooks.v1' && record.key?.toString() === key)
    .map(({ value }) => JSON.parse(value?.toString() ?? '') as unknown);

describe('/v2/platform/pause and /resume', () => {
  it('hold all deliveries and let them go on, each once, and tell it on the log', async () => {
    const before = Date.now();
    const first = await give('pause', {});
    expect(first).toMatchObject({ status: 200, body: { scope: 'all', paused: true, by: '1', role: 'platform' } });
    expect(first.body.since).toBeGreaterThanOrEqual(before);
    expect(await give('pause')).toEqual(first);
    expect((await paused()).items).toEqual([first.body]);
    expect(await give('resume', {})).toEqual({ status: 200, body: { scope: 'all', paused: false } });
    expect((await give('resume')).status).toBe(200);
    expect(await paused()).toEqual({ items: [], limit: 100, offset: 0, totalCount: 0 });
    const events = recordsOf('pause:all').map((event) => PauseEventSchema.parse(event));
    expect(events).toMatchObject([
      { type: 'deliveries.paused', version: 1, by: '1', pause: { since: first.body.since } },
      { type: 'deliveries.resumed', version: 2, by: '1' },
    ]);
  });

  it("hold an account's: the platform by naming it or acting for it, the account itself by naming nothing", async () => {
    const own = await credentialOf(5);
    expect((await give('pause', { accountId: 5 })).body).toMatchObject({ scope: 'account', accountId: 5 });
    expect((await give('resume', {}, { account: 5 })).body).toEqual({ scope: 'account', accountId: 5, paused: false });
    expect((await give('pause', {}, own)).body).toMatchObject({ scope: 'account', accountId: 5, role: 'account' });
    expect((await give('resume', { accountId: 5 }, own)).body.paused).toBe(false);
    const types = recordsOf('pause:5').map((event) => PauseEventSchema.parse(event).type);
    expect(types).toEqual(['deliveries.paused', 'deliveries.resumed', 'deliveries.paused', 'deliveries.resumed']);
  });

  it("hold a webhook's, which the webhook shows, and which changes no call", async () => {
    const id = await webhookOf(6);
    const { body } = await give('pause', { webhookId: id });
    expect(body).toMatchObject({ scope: 'webhook', accountId: 6, webhookId: id, paused: true });
    const path = `/v2/webhooks/${id}`;
    const shown = (await service.call('GET', path, undefined, { account: 6 })).json();
    expect(shown.pausedSince).toBe(body.since);
    // As CallFire's clients do it: what was shown is sent back.
    expect((await service.call('PUT', path, { ...shown, name: 'renamed' }, { account: 6 })).statusCode).toBe(200);
    expect(service.resources.webhooks.get(id)).toMatchObject({ name: 'renamed', pause: { since: body.since } });
    expect((await give('resume', { webhookId: id }, { account: 6 })).body.paused).toBe(false);
    const events = recordsOf(String(id)).map((event) => WebhookEventSchema.parse(event));
    expect(events.map(({ type, webhook }) => [type, webhook.callVersion])).toEqual([
      ['webhook.created', 1],
      ['webhook.paused', 1],
      ['webhook.changed', 1],
      ['webhook.resumed', 1],
    ]);
  });

  it('are walls between accounts', async () => {
    const [id, own] = [await webhookOf(7), await credentialOf(8)];
    expect(await give('pause', { accountId: 7 }, own)).toMatchObject({ status: 403, body: { internalCode: 40302 } });
    expect(await give('pause', { accountId: 7 }, { account: 8 })).toMatchObject({ status: 403 });
    for (const request of [own, { account: 8 }]) {
      expect(await give('pause', { webhookId: id }, request)).toMatchObject({
        status: 404,
        body: { message: 'The webhook does not exist' },
      });
    }
    await give('pause', { webhookId: id });
    await give('pause', { accountId: 7 });
    expect((await paused(own)).items).toEqual([]);
    expect((await paused({ account: 7 })).items).toMatchObject([{ scope: 'account' }, { scope: 'webhook' }]);
    expect(await paused({}, '?limit=1&offset=1&fields=items(webhookId),totalCount')).toEqual({
      items: [{ webhookId: id }],
      totalCount: 2,
    });
    await give('pause', {});
    expect((await paused(own)).items).toMatchObject([{ scope: 'all' }]);
    await give('resume', {});
    await give('resume', { accountId: 7 });
    await give('resume', { webhookId: id });
  });

  it("of the platform stand until the platform lifts them, also over an account's own", async () => {
    const [id, own] = [await webhookOf(9), await credentialOf(9)];
    const { body: first } = await give('pause', {}, own);
    expect((await give('pause', { accountId: 9 })).body).toMatchObject({ since: first.since, role: 'platform' });
    await give('pause', { webhookId: id });
    for (const body of [{}, { webhookId: id }]) {
      expect(await give('resume', body, own)).toMatchObject({ status: 403, body: { internalCode: 40301 } });
    }
    await give('resume', { accountId: 9 });
    await give('resume', { webhookId: id });
    expect((await paused()).items).toEqual([]);
  });

  it.each([
    [{ accountID: 5 }, 'accountID'],
    [{ accountId: '5' }, 'accountId'],
    [{ accountId: -1 }, 'accountId'],
    [{ webhookId: 2 ** 53 }, 'webhookId'],
    [{ accountId: 5, webhookId: 6 }, 'webhookId'],
    [[], 'body'],
  ])('refuse %j by the name of the member', async (body, field) => {
    expect(await give('pause', body)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  it('refuse what is not there', async () => {
    expect(await give('pause', { accountId: 4711 })).toMatchObject({
      status: 404,
      body: { message: 'There is no account 4711' },
    });
    for (const order of ['pause', 'resume'] as const) {
      expect(await give(order, { webhookId: 4711 })).toMatchObject({ status: 404 });
    }
    expect((await service.call('DELETE', '/v2/platform/pause')).statusCode).toBe(405);
  });
});
