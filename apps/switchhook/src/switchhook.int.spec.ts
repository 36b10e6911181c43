import 'reflect-metadata';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Closer, createLogger, startService, type RunningService } from '@switchhook/platform';
import { createDatabase, eventually, type TestDatabase } from '@switchhook/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serviceFor } from './roles.js';
import { deliverSampleEvent } from './sample-event.js';

let database: TestDatabase;
let folder: string;
let closer: Closer;
const lines: string[] = [];
const logger = createLogger({ service: 'test', level: 'debug', stream: { write: (line) => void lines.push(line) } });

beforeAll(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), 'switchhook-'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});
afterEach(() => closer.closeAll());

async function start(): Promise<RunningService> {
  closer = new Closer(logger);
  const env = { PORT: '0', DATABASE_URL: database.url, SWITCHHOOK_DATA: folder };
  const service = await startService({ ...serviceFor(env), env }, logger, closer);
  await eventually(async () => expect((await fetch(`${service.url}/health/ready`)).status).toBe(200));
  return service;
}

const credentials = async () =>
  JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as {
    username: string;
    password: string;
    url: string;
  };

describe('Switchhook in one process', () => {
  it('delivers its sample event, signed, again after a restart, and leaves no webhook behind', async () => {
    await deliverSampleEvent(await start());
    const first = await credentials();
    await closer.closeAll();
    const again = await start();
    await deliverSampleEvent(again);
    const { username, password, url } = await credentials();
    expect({ username, password }).toEqual({ username: first.username, password: first.password });
    expect(url).toBe(again.url);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const list = await fetch(`${url}/v2/webhooks`, { headers: { authorization, 'switchhook-account': '0' } });
    expect(await list.json()).toMatchObject({ items: [], totalCount: 0 });
    expect(lines.join()).not.toContain(password);
  });

  it('lets nobody have a loopback callback over the network', async () => {
    const { url } = await start();
    const { username, password } = await credentials();
    const answer = await fetch(`${url}/v2/webhooks`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
        'switchhook-account': '0',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ resource: 'InboundText', events: ['Finished'], callback: 'http://127.0.0.1:40000/x' }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ field: 'callback' }] });
  });
});
