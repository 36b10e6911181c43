import { WebhookEventSchema, type WebhookEvent } from '@switchhook/contracts';
import { decodeStandardSecret } from '@switchhook/domain';
import { open } from '@switchhook/platform';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { ADMIN, runSubscriptions, type RunningSubscriptions } from './testing/running-subscriptions.js';

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

const sample = { resource: 'OutboundText', events: ['Finished'], callback: 'https://example.com/hook' };

async function create(body: object, account = 1): Promise<{ id: number; secret?: string }> {
  const answer = await service.call('POST', '/v2/webhooks', body, { account });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

const publishedOf = (id: number): WebhookEvent[] =>
  log.records
    .filter(({ topic, key }) => topic === 'webhooks.v1' && key?.toString() === String(id))
    .map(({ value }) => WebhookEventSchema.parse(JSON.parse(value?.toString() ?? '')));

describe('/v2/webhooks', () => {
  it('answers 201 with the id when the event is on the log, keyed and headed by its webhook', async () => {
    const { id, ...rest } = await create({ ...sample, name: 'texts' }, 7);
    expect(rest).toEqual({});
    const record = log.records.find(({ topic, key }) => topic === 'webhooks.v1' && key?.toString() === String(id));
    expect(record?.headers).toEqual({
      'switchhook-schema': '1',
      'switchhook-account': '7',
      'switchhook-webhook': String(id),
      'switchhook-webhook-version': '1',
    });
    expect(publishedOf(id)).toMatchObject([
      { type: 'webhook.created', by: '1', webhook: { id, accountId: 7, version: 1, name: 'texts', status: 'enabled' } },
    ]);
  });

  it('shows a webhook as CallFire does, with our members, and never its secret', async () => {
    const before = Date.now();
    const { id } = await create({
      ...{ name: 'all', resource: 'callbroadcast', events: ['STARTED', 'finished', 'Started'] },
      ...{ callback: 'http://example.com/', enabled: false, secret: 'top secret', fields: 'id,events(id)' },
      ...{ nonStrictSsl: true, singleUse: true, expiresAt: 4_000_000_000_000, timeoutMs: 500, concurrency: 2 },
      ...{ retry: { delaysMs: [1, 2], maxAgeMs: 10_000 }, labels: { team: 'a' } },
    });
    const answer = await service.call('GET', `/v2/webhooks/${id}`);
    expect(answer.statusCode).toBe(200);
    const { createdAt, updatedAt, ...shown } = answer.json();
    expect(shown).toEqual({
      ...{ id, name: 'all', resource: 'CallBroadcast', events: ['Started', 'Finished'] },
      ...{ callback: 'http://example.com/', enabled: false, hasSecret: true, hasAuth: false, fields: 'id,events(id)' },
      ...{ nonStrictSsl: true, singleUse: true, expiresAt: 4_000_000_000_000, timeoutMs: 500, concurrency: 2 },
      ...{ retry: { delaysMs: [1, 2], maxAgeMs: 10_000 }, labels: { team: 'a' }, profile: 'callfire-v2' },
    });
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(updatedAt).toBe(createdAt);
  });

  it('makes a secret for the standard profile, shows it once, and keeps it sealed to signing', async () => {
    const { id, secret } = await create({ ...sample, profile: 'standard' });
    expect(decodeStandardSecret(secret ?? '')).toHaveLength(32);
    const [created] = publishedOf(id);
    const sealed = created?.webhook.secret;
    if (!sealed) throw new Error('The webhook has no secret');
    const context = { accountId: 1, webhookId: id, field: 'secret' };
    expect(await open(service.resources.keyRing, 'signing', context, sealed)).toBe(secret);
    await expect(open(service.resources.keyRing, 'delivery', context, sealed)).rejects.toThrow();
  });

  it('keeps no secret in the clear, in no topic and no table', async () => {
    const secret = 'a-secret-nobody-may-find';
    const { id } = await create({ ...sample, secret });
    await service.call('PUT', `/v2/webhooks/${id}`, { secret: `${secret}-2` });
    expect(publishedOf(id)).toHaveLength(2);
    for (const { value } of log.records) expect(value?.toString()).not.toContain(secret);
    const rows = await service.resources.database.query(
      `SELECT data::text AS text FROM subscriptions.events UNION ALL SELECT state::text FROM subscriptions.webhooks`,
    );
    for (const { text } of rows as { text: string }[]) expect(text).not.toContain(secret);
  });

  it('changes what a partial body names, keeps the rest, clears what is null, and answers 200 without a body', async () => {
    const { id } = await create({ ...sample, name: 'before', fields: 'id', labels: { a: 'b' } });
    const change = await service.call('PUT', `/v2/webhooks/${id}`, {
      ...{
        id: 999,
        createdAt: 1,
        name: 'after',
        events: ['Finished'],
        callback: 'https://example.com/2',
        labels: null,
      },
    });
    expect([change.statusCode, change.body]).toEqual([200, '']);
    const shown = (await service.call('GET', `/v2/webhooks/${id}`)).json();
    expect(shown).toMatchObject({ id, name: 'after', callback: 'https://example.com/2', fields: 'id' });
    expect(shown).not.toHaveProperty('labels');
    expect(publishedOf(id)).toMatchObject([
      { webhook: { version: 1 } },
      { type: 'webhook.changed', webhook: { version: 2 } },
    ]);
  });

  it('becomes standard only with a secret, because an update cannot answer with a new one', async () => {
    const { id } = await create(sample);
    const refused = await service.call('PUT', `/v2/webhooks/${id}`, { profile: 'standard' });
    expect([refused.statusCode, refused.json().errors[0].field]).toEqual([400, 'secret']);
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { profile: 'standard', secret })).statusCode).toBe(200);
    expect((await service.call('GET', `/v2/webhooks/${id}`)).json()).toMatchObject({
      profile: 'standard',
      hasSecret: true,
    });
  });

  it('appends nothing for a change that changes nothing', async () => {
    const { id } = await create({ ...sample, name: 'same' });
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { ...sample, name: 'same' })).statusCode).toBe(200);
    expect(publishedOf(id)).toHaveLength(1);
  });

  it('deletes for good: 204, then 404 for everybody, and the fact on the log', async () => {
    const { id } = await create(sample);
    const deleted = await service.call('DELETE', `/v2/webhooks/${id}`);
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await service.call(method, `/v2/webhooks/${id}`)).statusCode).toBe(404);
    }
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { name: 'x' })).statusCode).toBe(404);
    expect(publishedOf(id).at(-1)).toMatchObject({
      type: 'webhook.deleted',
      webhook: { status: 'deleted', version: 2 },
    });
  });

  it('gives the webhooks of one account to nobody else: 404, whatever is asked', async () => {
    const { id } = await create({ ...sample, name: 'mine' }, 21);
    const other = { account: 22 };
    expect((await service.call('GET', `/v2/webhooks/${id}`, undefined, other)).statusCode).toBe(404);
    expect((await service.call('PUT', `/v2/webhooks/${id}`, { name: 'x' }, other)).statusCode).toBe(404);
    expect((await service.call('DELETE', `/v2/webhooks/${id}`, undefined, other)).statusCode).toBe(404);
    expect((await service.call('GET', '/v2/webhooks', undefined, other)).json()).toEqual({
      items: [],
      limit: 100,
      offset: 0,
      totalCount: 0,
    });
    expect((await service.call('GET', `/v2/webhooks/${id}`, undefined, { account: 21 })).statusCode).toBe(200);
  });

  it.each(['0', '-1', 'x', '1.5', '9007199254740993', '999999999'])('has no webhook %s: 404', async (id) => {
    expect((await service.call('GET', `/v2/webhooks/${id}`)).statusCode).toBe(404);
    expect((await service.call('DELETE', `/v2/webhooks/${id}`)).statusCode).toBe(404);
  });
});

describe('GET /v2/webhooks', () => {
  const account = 31;
  const find = async (query: string): Promise<{ items: { id: number; name: string }[]; totalCount: number }> => {
    const answer = await service.call('GET', `/v2/webhooks${query}`, undefined, { account });
    expect(answer.statusCode, answer.body).toBe(200);
    return answer.json();
  };

  beforeAll(async () => {
    for (let n = 1; n <= 5; n += 1) await create({ ...sample, name: `n${n}`, enabled: n !== 2 }, account);
    const broadcast = { resource: 'TextBroadcast', events: ['Started', 'Stopped'], callback: 'https://example.com/b' };
    await create({ ...broadcast, name: 'n1' }, account);
  });

  it('pages in ascending order of id, with the exact count, past the end too', async () => {
    const page = await find('?limit=2&offset=1');
    expect(page).toMatchObject({ limit: 2, offset: 1, totalCount: 6 });
    expect(page.items.map(({ name }) => name)).toEqual(['n2', 'n3']);
    expect(await find('?offset=100')).toEqual({ items: [], limit: 100, offset: 100, totalCount: 6 });
  });

  it.each([
    ['?name=n1', ['n1', 'n1']],
    ['?name=n1&resource=textbroadcast', ['n1']],
    ['?event=STOPPED', ['n1']],
    ['?enabled=false', ['n2']],
    ['?enabled=true&event=Finished', ['n1', 'n3', 'n4', 'n5']],
    ['?callback=https%3A%2F%2Fexample.com%2Fb', ['n1']],
    ['?name=n', []],
  ])('narrows by %s', async (query, names) => {
    const { items, totalCount } = await find(query);
    expect(items.map(({ name }) => name)).toEqual(names);
    expect(totalCount).toBe(names.length);
  });

  it('answers with the selected fields only', async () => {
    const answer = await service.call('GET', '/v2/webhooks?fields=totalCount,items(name,nothing)&limit=1', undefined, {
      account,
    });
    expect(answer.json()).toEqual({ items: [{ name: 'n1' }], totalCount: 6 });
    const [first] = (await find('?limit=1')).items;
    const one = await service.call('GET', `/v2/webhooks/${first?.id}?fields=name,id`, undefined, { account });
    expect(one.json()).toEqual({ id: first?.id, name: 'n1' });
  });

  it.each([
    ['?limit=0', 'limit'],
    ['?limit=1001', 'limit'],
    ['?offset=-1', 'offset'],
    ['?enabled=yes', 'enabled'],
    ['?resource=Nothing', 'resource'],
    ['?event=Nothing', 'event'],
    ['?colour=red', 'colour'],
    ['?name=%00', 'name'],
  ])('refuses %s and names the parameter', async (query, field) => {
    const answer = await service.call('GET', `/v2/webhooks${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ httpStatusCode: 400, internalCode: 40001, errors: [{ field }] });
    expect(answer.json().message.startsWith(field)).toBe(true);
  });
});

describe('bad input', () => {
  it.each([
    [{ ...sample, resource: 'Nothing' }, 'resource'],
    [{ ...sample, events: ['Started'] }, 'events'],
    [{ ...sample, callback: 'ftp://example.com' }, 'callback'],
    [{ ...sample, callback: 'https://user:pw@example.com' }, 'callback'],
    [{ ...sample, callback: 'http://10.0.0.1/' }, 'callback'],
    [{ ...sample, colour: 'red' }, 'colour'],
    [{ events: ['Finished'], callback: 'https://example.com' }, 'resource'],
    [{ ...sample, retry: { delaysMs: [0, -1] } }, 'retry.delaysMs[1]'],
    [{ ...sample, profile: 'standard', secret: 'too short' }, 'secret'],
    [[], 'body'],
  ])('refuses %j and names the field', async (body, field) => {
    const answer = await service.call('POST', '/v2/webhooks', body);
    expect(answer.statusCode, answer.body).toBe(400);
    const error = answer.json();
    expect(error.errors.map((each: { field: string }) => each.field)).toContain(field);
    expect(error.message.startsWith(field)).toBe(true);
  });

  it.each(['filter'])('says that %s is not supported yet', async (field) => {
    const answer = await service.call('POST', '/v2/webhooks', { ...sample, [field]: {} });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toBe(`${field}: not supported yet`);
  });

  it('says where JSON is malformed, and that a missing body is no object', async () => {
    const malformed = await service.call('POST', '/v2/webhooks', '{"name": }');
    expect(malformed.statusCode).toBe(400);
    expect(malformed.json().message).toContain('byte 9');
    expect((await service.call('POST', '/v2/webhooks')).statusCode).toBe(400);
  });

  it('answers 401 to a wrong password', async () => {
    const answer = await service.call('GET', '/v2/webhooks', undefined, { as: `${ADMIN.username}:wrong` });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('realm="switchhook"');
  });
});
