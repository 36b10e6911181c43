import { createRequire } from 'node:module';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog } from './testing/memory-log.js';
import { ADMIN, runSubscriptions, type RunningSubscriptions } from './testing/running-subscriptions.js';

/** What CallFire's client resolves with, and rejects with. */
interface ClientAnswer {
  readonly status: number;
  readonly obj: Record<string, unknown>;
}
type Operation = (parameters?: object) => Promise<ClientAnswer>;

interface CallfireClient {
  ready(resolve: () => void, reject: (error: unknown) => void): void;
  readonly webhooks: Readonly<Record<string, Operation>>;
  readonly me: Readonly<Record<string, Operation>>;
}
interface CallfireClientClass {
  new (login: string, password: string): CallfireClient;
  basePath: () => string;
}

const CallfireClientOfVendor = createRequire(import.meta.url)('callfire-api-client-js') as CallfireClientClass;

let server: { url: string; drop(): Promise<void> };
let service: RunningSubscriptions;
let client: CallfireClient;

async function connect(login: string, password: string): Promise<CallfireClient> {
  const connected = new CallfireClientOfVendor(login, password);
  await new Promise<void>((resolve, reject) => connected.ready(() => resolve(), reject));
  return connected;
}

/** Calls an operation by the id under which the client has made it of our Swagger document. */
function call(api: 'webhooks' | 'me', operationId: string, parameters: object = {}): Promise<ClientAnswer> {
  const operation = client[api][operationId];
  if (!operation) throw new Error(`The client has no ${api}.${operationId}`);
  return operation(parameters);
}

beforeAll(async () => {
  server = await createDatabase();
  service = await runSubscriptions({ url: server.url, log: memoryLog() });
  await eventually(() => expect(service.resources.readiness.report().status).toBe('ok'));
  const url = await service.listen();
  CallfireClientOfVendor.basePath = () => `${url}/v2/`;
  client = await connect(ADMIN.username, ADMIN.password);
});

afterAll(async () => {
  await service.stop();
  await server.drop();
});

const body = { name: 'sms sent', resource: 'OutboundText', events: ['Finished'], callback: 'https://cb.example.com/x' };

describe("CallFire's own client", () => {
  it('creates, gets, finds, updates and deletes a webhook', async () => {
    const created = await call('webhooks', 'createWebhook', { body });
    expect(created.status).toBe(201);
    const { id } = created.obj;
    expect(created.obj).toEqual({ id: expect.any(Number) });

    const got = await call('webhooks', 'getWebhook', { id, fields: 'id,name,events' });
    expect([got.status, got.obj]).toEqual([200, { id, name: 'sms sent', events: ['Finished'] }]);

    const search = { resource: 'outboundtext', event: 'finished', callback: body.callback, enabled: true };
    const found = await call('webhooks', 'findWebhooks', {
      ...{ name: 'sms sent', ...search, offset: 0, limit: 10, fields: 'items(id,name,callback),totalCount' },
    });
    expect(found.obj).toEqual({ items: [{ id, name: 'sms sent', callback: body.callback }], totalCount: 1 });

    const change = { name: 'renamed', events: ['Finished'], callback: 'https://cb.example.com/y' };
    expect((await call('webhooks', 'updateWebhook', { id, body: change })).status).toBe(200);
    expect((await call('webhooks', 'getWebhook', { id })).obj).toMatchObject({ ...body, ...change });

    expect((await call('webhooks', 'deleteWebhook', { id })).status).toBe(204);
    await expect(call('webhooks', 'getWebhook', { id })).rejects.toMatchObject({
      status: 404,
      obj: { httpStatusCode: 404, message: 'The webhook does not exist' },
    });
  });

  it('finds the 11 resources, in the order of CallFire, and one of them in any case', async () => {
    const { obj } = await call('webhooks', 'findWebhookResources');
    expect(Object.keys(obj)).toEqual(['items']);
    expect(obj['items']).toHaveLength(11);
    expect((await call('webhooks', 'findWebhookResources', { fields: 'items(resource)' })).obj['items']).toContainEqual(
      {
        resource: 'OutboundTextDeliveryReport',
      },
    );
    expect((await call('webhooks', 'getWebhookResource', { resource: 'callbroadcast' })).obj).toEqual({
      resource: 'CallBroadcast',
      supportedEvents: ['Started', 'Stopped', 'Finished'],
    });
    await expect(call('webhooks', 'getWebhookResource', { resource: 'Nothing' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it('is told what is wrong in the error body of CallFire', async () => {
    const wrong = { ...body, events: ['Started'] };
    await expect(call('webhooks', 'createWebhook', { body: wrong })).rejects.toMatchObject({
      status: 400,
      obj: {
        httpStatusCode: 400,
        internalCode: 40001,
        message: 'events: Event [Started] is unsupported for OutboundText resource, supported events are: [Finished]',
        developerMessage: expect.any(String),
        helpLink: expect.any(String),
      },
    });
  });

  it('manages API credentials, and signs in with a new one', async () => {
    const created = await call('me', 'createApiCredential', { body: { name: 'ci' } });
    expect(created.status).toBe(201);
    const { id, username, password } = created.obj as { id: number; username: string; password: string };
    expect(created.obj).toEqual({ id, name: 'ci', username, password, enabled: true });
    expect((await call('me', 'getApiCredential', { id, fields: 'id,name' })).obj).toEqual({ id, name: 'ci' });
    expect((await call('me', 'findApiCredentials', { limit: 5 })).obj).toMatchObject({ limit: 5, totalCount: 1 });

    const own = await connect(username, password);
    expect((await own.webhooks['findWebhooks']?.({}))?.status).toBe(200);
    expect((await call('me', 'disableApiCredentials', { id })).status).toBe(200);
    await expect(own.webhooks['findWebhooks']?.({})).rejects.toMatchObject({ status: 401 });
    expect((await call('me', 'enableApiCredentials', { id })).status).toBe(200);
    expect((await call('me', 'deleteApiCredential', { id })).status).toBe(204);
    await expect(call('me', 'getApiCredential', { id })).rejects.toMatchObject({ status: 404 });
  });
});
