import type { Sealed, Webhook } from '@switchhook/contracts';
import { open } from '@switchhook/platform';
import { createAuthority, createDatabase, eventually, type Authority, type Certified } from '@switchhook/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { runSubscriptions, type RunningSubscriptions } from './testing/running-subscriptions.js';

let server: { url: string; drop(): Promise<void> };
let log: MemoryLog;
let service: RunningSubscriptions;
let authority: Authority;
let client: Certified;

beforeAll(async () => {
  server = await createDatabase();
  log = memoryLog();
  service = await runSubscriptions({ url: server.url, log });
  authority = await createAuthority();
  client = await authority.issue();
  await eventually(() => expect(service.resources.readiness.report().status).toBe('ok'));
});
afterAll(async () => {
  await service.stop();
  await server.drop();
});

const SAMPLE = { resource: 'OutboundText', events: ['Finished'], callback: 'https://example.com/hook' };

async function create(body: object): Promise<number> {
  const answer = await service.call('POST', '/v2/webhooks', { ...SAMPLE, ...body });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<{ id: number }>().id;
}
async function change(id: number, body: object): Promise<void> {
  const answer = await service.call('PUT', `/v2/webhooks/${id}`, body);
  expect(answer.statusCode, answer.body).toBe(200);
}
const shown = async (id: number) => (await service.call('GET', `/v2/webhooks/${id}`)).json<Record<string, unknown>>();

/** As delivery reads it from the log. */
function published(id: number): Webhook {
  const records = log.records.filter(({ topic, key }) => topic === 'webhooks.v1' && key?.toString() === String(id));
  return (JSON.parse(records.at(-1)?.value?.toString() ?? '') as { webhook: Webhook }).webhook;
}
const opened = (id: number, field: string, sealed: Sealed | undefined) =>
  open(service.resources.keyRing, 'delivery', { accountId: 1, webhookId: id, field }, sealed!);

const SECRETS = { password: 'p4ss-word', token: 't0k-en', header: 'h34d-er', changed: 'ch4n-ged' };

it('what calls present is kept sealed to delivery, each under the name of its field, and never shown', async () => {
  const tls = { caCertificates: authority.cert, clientCertificate: client.cert, clientKey: client.key };
  const id = await create({
    auth: { type: 'basic', username: 'u', password: SECRETS.password },
    headers: { 'X-Key': SECRETS.header },
    tls,
  });
  const { auth, headers, tls: stored } = published(id);
  expect(auth).toMatchObject({ type: 'basic', username: 'u' });
  expect(await opened(id, 'auth.password', (auth as { password: Sealed }).password)).toBe(SECRETS.password);
  expect(await opened(id, 'headers.x-key', headers?.['X-Key'])).toBe(SECRETS.header);
  expect(await opened(id, 'tls.clientKey', stored?.clientKey)).toBe(client.key);
  const { clientKey: _key, ...texts } = tls;
  expect(await shown(id)).toMatchObject({ hasAuth: true, headers: ['X-Key'], tls: { ...texts, hasClientKey: true } });
  expect(await shown(id)).not.toHaveProperty('auth');
});

it('a webhook without them says so', async () => {
  const view = await shown(await create({}));
  expect(view['hasAuth']).toBe(false);
  expect(view).not.toHaveProperty('headers');
  expect(view).not.toHaveProperty('tls');
});

it('what is absent from a change stays, null clears, and what was shown may be sent back', async () => {
  const id = await create({
    auth: { type: 'bearer', token: SECRETS.token },
    headers: { 'X-Key': SECRETS.header },
    tls: { caCertificates: authority.cert, clientCertificate: client.cert, clientKey: client.key },
  });
  const before = published(id);
  await change(id, await shown(id));
  expect(published(id)).toEqual(before);
  await change(id, { name: 'n' });
  expect(published(id)).toMatchObject({ auth: before.auth, headers: before.headers, tls: before.tls, callVersion: 1 });

  const renewed = await authority.issue({ key: client.key });
  await change(id, { tls: { clientCertificate: renewed.cert } });
  expect(published(id)).toMatchObject({ tls: { ...before.tls, clientCertificate: renewed.cert }, callVersion: 3 });
  await change(id, { headers: { 'x-other': SECRETS.changed } });
  expect(Object.keys(published(id).headers ?? {})).toEqual(['x-other']);
  await change(id, { auth: null, headers: null, tls: null });
  const after = published(id);
  expect([after.auth, after.headers, after.tls, after.callVersion]).toEqual([undefined, undefined, undefined, 5]);
});

it('certificates that delivery could not use are a 400 that names the field', async () => {
  const expired = await authority.issue({ days: -1 });
  const cases: [object, string][] = [
    [{ caCertificates: 'nonsense' }, 'tls.caCertificates'],
    [{ clientCertificate: expired.cert, clientKey: expired.key }, 'tls.clientCertificate'],
    [{ clientCertificate: client.cert, clientKey: authority.key }, 'tls.clientKey'],
    [{ clientCertificate: client.cert }, 'tls.clientKey'],
    [{ clientKey: client.key }, 'tls.clientKey'],
  ];
  for (const [tls, field] of cases) {
    const answer = await service.call('POST', '/v2/webhooks', { ...SAMPLE, tls });
    expect([answer.statusCode, answer.json().errors[0].field]).toEqual([400, field]);
    expect(answer.body).not.toContain('PRIVATE KEY-----\\n');
  }
  const id = await create({ tls: { clientCertificate: client.cert, clientKey: client.key } });
  const other = await authority.issue();
  const answer = await service.call('PUT', `/v2/webhooks/${id}`, { tls: { clientCertificate: other.cert } });
  expect([answer.statusCode, answer.json().errors[0].field]).toEqual([400, 'tls.clientKey']);
});

it('nothing of it is in the clear on the log, in the database or in an answer', async () => {
  const records = log.records.map(({ value }) => value?.toString() ?? '').join('\n');
  const tables = await service.resources.database.query<{ name: string }[]>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const rows = await Promise.all(
    tables.map(({ name }) => service.resources.database.query(`SELECT t::text AS row FROM ${name} AS t`)),
  );
  const answers = (await service.call('GET', '/v2/webhooks?limit=1000')).body;
  const everything = `${records}\n${JSON.stringify(rows)}\n${answers}`;
  expect(everything).toContain('X-Key');
  const keyText = client.key.split('\n')[1]!;
  for (const secret of [...Object.values(SECRETS), keyText]) expect(everything).not.toContain(secret);
});
