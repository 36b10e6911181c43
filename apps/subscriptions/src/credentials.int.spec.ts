import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { runSubscriptions, type ApiRequest, type RunningSubscriptions } from './testing/running-subscriptions.js';

const PATH = '/v2/me/api/credentials';

interface NewCredential {
  readonly id: number;
  readonly username: string;
  readonly password: string;
}

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

async function create(request: ApiRequest, name = 'ci'): Promise<NewCredential> {
  const answer = await service.call('POST', PATH, { name }, request);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

const pairOf = ({ username, password }: NewCredential): string => `${username}:${password}`;

const statusFor = async (as: string, request: ApiRequest = {}): Promise<number> =>
  (await service.call('GET', '/v2/webhooks', undefined, { ...request, as })).statusCode;

describe('/v2/me/api/credentials', () => {
  it('makes a credential that acts for its account alone, and shows its password once', async () => {
    const made = await create({ account: 5 });
    const as = pairOf(made);
    expect(Buffer.from(made.password, 'hex')).toHaveLength(16);
    expect(await statusFor(as)).toBe(200);
    expect(await statusFor(as, { account: 5 })).toBe(403);
    const shown = { id: made.id, name: 'ci', username: made.username, enabled: true };
    expect((await service.call('GET', `${PATH}/${made.id}`, undefined, { as })).json()).toEqual(shown);
    expect((await service.call('GET', PATH, undefined, { as })).json()).toEqual({
      ...{ items: [shown], limit: 100, offset: 0, totalCount: 1 },
    });
    const webhook = { resource: 'InboundCall', events: ['Finished'], callback: 'https://example.com' };
    const { id } = (await service.call('POST', '/v2/webhooks', webhook, { as })).json();
    expect(service.resources.webhooks.get(id)?.accountId).toBe(5);
  });

  it('keeps the password in no topic and no table', async () => {
    const { password } = await create({ account: 6 });
    for (const { value } of log.records) expect(value?.toString()).not.toContain(password);
    const rows: { text: string }[] = await service.resources.database.query(
      'SELECT data::text AS text FROM subscriptions.events UNION ALL SELECT state::text FROM subscriptions.credentials',
    );
    for (const { text } of rows) expect(text).not.toContain(password);
  });

  it('refuses a disabled one at once, takes it again when it is enabled, and never after it was deleted', async () => {
    const made = await create({ account: 7 });
    const [as, path] = [pairOf(made), `${PATH}/${made.id}`];
    const disabled = await service.call('POST', `${path}/disable`, undefined, { account: 7 });
    expect([disabled.statusCode, disabled.body]).toEqual([200, '']);
    expect(await statusFor(as)).toBe(401);
    expect((await service.call('POST', `${path}/enable`, undefined, { account: 7 })).statusCode).toBe(200);
    expect(await statusFor(as)).toBe(200);
    const deleted = await service.call('DELETE', path, undefined, { account: 7 });
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    expect(await statusFor(as)).toBe(401);
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await service.call(method, path, undefined, { account: 7 })).statusCode).toBe(404);
    }
    expect((await service.call('POST', `${path}/enable`, undefined, { account: 7 })).statusCode).toBe(404);
  });

  it("gives one account's credentials, and the platform's, to nobody else: 404", async () => {
    const { id } = await create({ account: 8 });
    const other = pairOf(await create({ account: 9 }));
    for (const path of [`${PATH}/${id}`, `${PATH}/1`, `${PATH}/x`]) {
      expect((await service.call('GET', path, undefined, { as: other })).statusCode).toBe(404);
      expect((await service.call('DELETE', path, undefined, { as: other })).statusCode).toBe(404);
      expect((await service.call('POST', `${path}/disable`, undefined, { as: other })).statusCode).toBe(404);
    }
    expect((await service.call('GET', PATH, undefined, { as: other })).json().totalCount).toBe(1);
  });

  it.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: 'x', colour: 'red' }, 'colour'],
    [undefined, 'body'],
  ])('refuses %j and names the field', async (body, field) => {
    const answer = await service.call('POST', PATH, body);
    expect(answer.statusCode, answer.body).toBe(400);
    expect(answer.json().errors).toMatchObject([{ field }]);
  });
});
