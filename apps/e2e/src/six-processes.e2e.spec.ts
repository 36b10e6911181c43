import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createDatabase,
  eventually,
  freePort,
  kafkaBrokers,
  startReceiver,
  uniqueTopicPrefix,
  type ReceivedCall,
  type Receiver,
} from '@switchhook/testing';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { createWebhook, request, type Api } from './api.js';
import { kafkaIsThere } from './harness.js';
import { produceToKafka } from './kafka-producer.js';

const SERVICES = ['subscriptions', 'ingestion', 'signing', 'delivery', 'audit'] as const;
const apps = resolve(import.meta.dirname, '../..');

const pair = (use: 'signing' | 'delivery' | 'audit') => {
  const made = use === 'audit' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  const { x, d } = made.privateKey.export({ format: 'jwk' });
  return { id: use, use, public: x, private: d };
};
const pairs = (['signing', 'delivery', 'audit'] as const).map(pair);
const secret = { id: 'credentials', use: 'credentials', secret: randomBytes(32).toString('base64url') };
const keysOf = (service: string) => [
  secret,
  ...pairs.map((key) => (key.use === service ? key : { ...key, private: undefined })),
];

const verify = (webhookSecret: string, { body, headers }: ReceivedCall): unknown =>
  new Webhook(webhookSecret).verify(body.toString('utf8'), headers as Record<string, string>);

/** What was paused at one origin is held by another process, says why, and goes out after it is resumed. */
async function expectHeldWhilePaused(
  api: Api,
  deliveryUrl: string,
  receiver: Receiver,
  attributes: object,
): Promise<void> {
  const before = receiver.total;
  const order = (what: 'pause' | 'resume') => request(api, `/v2/platform/${what}`, { method: 'POST', body: {} });
  expect(await order('pause')).toMatchObject({ status: 200 });
  await eventually(async () => {
    const metrics = await (await fetch(`${deliveryUrl}/metrics`)).text();
    expect(metrics).toContain('switchhook_pauses{scope="all"} 1');
  });
  const posted = await request(api, '/v2/events', {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: { ...attributes, id: 'while-paused', data: { id: 3 } },
  });
  expect(posted.status).toBe(202);
  await eventually(async () => {
    const found = await request(api, '/v2/deliveries?eventId=while-paused');
    expect(found.body).toMatchObject({ items: [{ explanation: expect.stringContaining('paused since') }] });
  });
  expect(receiver.total).toBe(before);
  expect(await order('resume')).toMatchObject({ status: 200 });
  await receiver.waitForCalls(before + 1);
}

it.skipIf(!kafkaIsThere)(
  'six processes deliver what comes by HTTP and by Kafka, hold what is paused, and stop in order',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchhook-six-'));
    const database = await createDatabase();
    const receiver = await startReceiver();
    const children: ChildProcess[] = [];
    let said = '';
    const run = (app: string, env: Record<string, string>): void => {
      const child = spawn(process.execPath, [join(apps, app, 'dist/main.js')], { cwd: folder, env });
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      children.push(child);
    };
    const settings = {
      KAFKA_BROKERS: await kafkaBrokers(),
      TOPIC_PREFIX: uniqueTopicPrefix(),
      DATABASE_URL: database.url,
      SWITCHHOOK_INTERNAL_TOKEN: randomBytes(16).toString('hex'),
      SWITCHHOOK_ADMIN_USER: 'platform',
      SWITCHHOOK_ADMIN_PASSWORD: 'a-long-password',
      SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    };
    try {
      const origins: Record<string, string> = {};
      for (const service of SERVICES) {
        const keys = join(folder, `${service}.json`);
        writeFileSync(keys, JSON.stringify(keysOf(service)), { mode: 0o600 });
        const PORT = String(await freePort());
        origins[`${service.toUpperCase()}_URL`] = `http://127.0.0.1:${PORT}`;
        run(service, { ...settings, SWITCHHOOK_KEYS: keys, PORT });
      }
      run('switchhook', { ROLE: 'gateway', PORT: '0', ...origins });
      const url = await eventually(() => /ready at (\S+)/.exec(said)?.[1] ?? false, { timeoutMs: 50_000 });
      const api = { url, username: 'platform', password: 'a-long-password' };
      const created = await createWebhook(api, {
        ...{ profile: 'standard', resource: 'InboundText', events: ['Finished'], callback: `${receiver.url}/hook` },
      });
      const attributes = { specversion: '1.0', source: 'carrier', type: 'InboundText.Finished', subject: 'text' };
      const posted = await eventually(async () => {
        const answer = await request(api, '/v2/events', {
          method: 'POST',
          headers: { 'content-type': 'application/cloudevents+json' },
          body: { ...attributes, id: 'by-http', data: { id: 1 } },
        });
        expect(answer.status).toBe(202);
        return answer;
      });
      expect(posted.body).toMatchObject({ accepted: 1 });
      const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value]));
      await produceToKafka({ settings }, [
        {
          key: '1:text',
          value: '{"id":2}',
          headers: { ...headers, ce_id: 'by-kafka', ce_accountid: '1', 'content-type': 'application/json' },
        },
      ]);
      for (const call of await receiver.waitForCalls(2)) expect(() => verify(created.secret ?? '', call)).not.toThrow();
      for (const eventId of ['by-http', 'by-kafka']) {
        await eventually(async () => {
          const found = await request(api, `/v2/deliveries?eventId=${eventId}`);
          expect(found.body).toMatchObject({ items: [{ status: 'succeeded' }] });
        });
      }
      const circuit = `/v2/webhooks/${created.id}/circuit`;
      for (const asked of [request(api, circuit), request(api, `${circuit}/reset`, { method: 'POST' })]) {
        expect(await asked).toMatchObject({ status: 200, body: { state: 'closed', fallback: null } });
      }
      await expectHeldWhilePaused(api, origins['DELIVERY_URL']!, receiver, attributes);
      for (const child of children.reverse()) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        expect((await exited)[0]).toBe(0);
      }
    } catch (error) {
      throw new Error(`${String(error)}\n${said.slice(-6_000)}`, { cause: error });
    } finally {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
      await receiver.close();
      await database.drop();
      rmSync(folder, { recursive: true });
    }
  },
);
