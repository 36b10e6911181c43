import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Closer, createLogger, startService } from '@switchhook/platform';
import { createDatabase, eventually, startReceiver, type Receiver, type TestDatabase } from '@switchhook/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceFor } from './roles.js';

interface Answer {
  readonly status: number;
  readonly obj: Record<string, unknown>;
}
type Api = Readonly<Record<string, (parameters?: object) => Promise<Answer>>>;
interface Client {
  ready(resolve: () => void, reject: (error: unknown) => void): void;
  readonly webhooks: Api;
  readonly events: Api;
  readonly deliveries: Api;
  readonly platform: Api;
}
const CallfireClient = createRequire(import.meta.url)('callfire-api-client-js') as {
  new (login: string, password: string): Client;
  basePath: () => string;
};

const logger = createLogger({ service: 'test', level: 'error', stream: { write: () => undefined } });
const closer = new Closer(logger);
let database: TestDatabase;
let folder: string;
let receiver: Receiver;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'switchhook-'));
  receiver = await startReceiver();
  const admin = { SWITCHHOOK_ADMIN_USER: 'operator', SWITCHHOOK_ADMIN_PASSWORD: 'a-password-of-some-length' };
  const env = {
    PORT: '0',
    DATABASE_URL: database.url,
    SWITCHHOOK_DATA: folder,
    SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
  };
  const settings = { ...env, ...admin };
  const { url } = await startService(
    { ...serviceFor(settings), env: settings, onReady: () => undefined },
    logger,
    closer,
  );
  await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200));
  CallfireClient.basePath = () => `${url}/v2/`;
  client = new CallfireClient(admin.SWITCHHOOK_ADMIN_USER, admin.SWITCHHOOK_ADMIN_PASSWORD);
  await new Promise<void>((resolve, reject) => client.ready(() => resolve(), reject));
});
afterAll(async () => {
  await closer.closeAll();
  await receiver.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

it("CallFire's own client reaches all services from the one document", async () => {
  const webhook = { resource: 'InboundText', events: ['Finished'], callback: receiver.url };
  const { id } = (await client.webhooks['createWebhook']!({ body: webhook })).obj;
  const event = {
    ...{ specversion: '1.0', id: 'e-1', source: 'switch', type: 'InboundText.Finished', subject: 'text-1' },
    data: { id: 1 },
  };
  const sent = await client.events['sendEvent']!({ body: event });
  expect([sent.status, sent.obj]).toEqual([202, { accepted: 1, duplicates: 0 }]);

  const found = await eventually(async () => {
    const { obj } = await client.deliveries['findDeliveries']!({ webhookId: id, status: ['succeeded', 'pending'] });
    expect(obj['items']).toMatchObject([{ status: 'succeeded', eventId: 'e-1' }]);
    return (obj['items'] as { id: string }[])[0]!;
  });
  const { obj: delivery } = await client.deliveries['getDelivery']!({ id: found.id });
  expect(delivery['attempts']).toMatchObject([{ url: receiver.url, target: 'primary', statusCode: 200 }]);
  expect((await client.webhooks['findWebhookDeliveries']!({ id })).obj['items']).toMatchObject([{ id: found.id }]);
  await eventually(async () => {
    const { obj } = await client.events['findEvents']!({ eventId: 'e-1' });
    expect(obj['items']).toMatchObject([{ deliveryIds: [found.id] }]);
  });

  expect((await client.webhooks['getWebhookCircuit']!({ id })).obj).toMatchObject({ state: 'closed', fallback: null });
  expect((await client.webhooks['resetWebhookCircuit']!({ id })).obj).toMatchObject({ state: 'closed' });
  expect((await client.platform['pauseDeliveries']!({ body: { webhookId: id } })).obj).toMatchObject({ paused: true });
  expect((await client.platform['findPauses']!()).obj).toMatchObject({ totalCount: 1 });
  expect((await client.platform['resumeDeliveries']!({ body: { webhookId: id } })).obj).toMatchObject({
    paused: false,
  });
});
