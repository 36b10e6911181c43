import type { EndpointChange, OutcomeName } from '@switchhook/contracts';
import { attemptHeaders, deliveryId, endpointKey, tlsProfile } from '@switchhook/domain';
import { createDatabase, eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryLog, type MemoryLog } from './testing/memory-log.js';
import { runSubscriptions, type RunningSubscriptions } from './testing/running-subscriptions.js';

const EVENT_KEY = '6d2aa8a6-5bd0-5f37-9e0c-0f0b9ee9d3a1';
const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
let server: { url: string; drop(): Promise<void> };
let log: MemoryLog;
let service: RunningSubscriptions;

beforeAll(async () => {
  server = await createDatabase();
  log = memoryLog();
  service = await runSubscriptions({ url: server.url, log, clock: () => NOW });
  await eventually(() => expect(service.resources.readiness.report().status).toBe('ok'));
});

afterAll(async () => {
  await service.stop();
  await server.drop();
});

async function create(changes: object, account = 1): Promise<number> {
  const sample = { resource: 'OutboundText', events: ['Finished'], callback: 'https://well.example/' };
  const answer = await service.call('POST', '/v2/webhooks', { ...sample, ...changes }, { account });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json().id;
}

/** What delivery says about delivery `event` to the webhook; what it was put off before is a `deferral`. */
async function outcome(id: number, event: number, name: OutcomeName, acceptedAt: number, deferrals = 0) {
  const ids = { accountId: 1, eventKey: EVENT_KEY, deliveryId: deliveryId(EVENT_KEY, event), webhookId: id };
  const headers = {
    ...attemptHeaders({ ...ids, webhookVersion: 1, run: 0, number: 1, deferrals, acceptedAt, origin: '0:1' }),
    'switchhook-schema': '1',
    'switchhook-outcome': name,
  };
  await log.publish([{ topic: 'deliveries.outcomes.v1', key: String(id), value: Buffer.from('{}'), headers }]);
}

async function breaker(id: number, state: 'open' | 'closed', at: number) {
  const webhook = service.resources.webhooks.get(id)!;
  const { accountId, callback } = webhook;
  const endpoint = endpointKey(accountId, callback, tlsProfile(webhook));
  const change: EndpointChange = { endpoint, accountId, state, at, openings: 2, retryAt: at + 10_000 };
  await log.publish([
    { topic: 'endpoints.v1', key: endpoint, value: Buffer.from(JSON.stringify(change)), headers: {} },
  ]);
}

const find = async (query: string, account = 1) =>
  (await service.call('GET', `/v2/webhooks?${query}`, undefined, { account })).json();
const idsOf = async (query: string, account?: number): Promise<number[]> =>
  (await find(query, account)).items.map(({ id }: { id: number }) => id);

describe('GET /v2/webhooks?failing=true', () => {
  it('lists the webhooks without a success since a call failed, and how long deliveries have been waiting', async () => {
    const [sick, well] = [await create({ name: 'sick' }), await create({ name: 'well' })];
    const since = Date.now();
    await outcome(sick, 1, 'attempted', NOW - 5 * HOUR);
    await outcome(sick, 2, 'deferred', NOW - 3 * HOUR);
    await outcome(well, 3, 'deferred', NOW - HOUR);
    const { items, totalCount } = await find('failing=true');
    expect(totalCount).toBe(1);
    expect(items).toMatchObject([
      {
        id: sick,
        name: 'sick',
        failing: { circuits: [], oldestWaitingAt: NOW - 5 * HOUR, oldestWaitingMs: 5 * HOUR },
      },
    ]);
    expect(items[0].failing.since).toBeGreaterThanOrEqual(since);
    expect(await idsOf('failing=false')).toEqual([well]);
    await outcome(sick, 1, 'expired', NOW - 5 * HOUR, 1);
    expect((await find('failing=true')).items).toMatchObject([{ failing: { oldestWaitingMs: 3 * HOUR } }]);
    await outcome(sick, 2, 'succeeded', NOW - 3 * HOUR, 1);
    expect(await idsOf('failing=true')).toEqual([]);
  });

  it('lists those whose breaker is open, and until when, also by their fallback', async () => {
    const cut = await create({ callback: 'https://cut.example/', name: 'cut' });
    const twin = await create({ callback: 'https://other.example/', fallbackCallback: 'https://cut.example/?twin' });
    const idle = await create({ callback: 'https://idle.example/' });
    await breaker(cut, 'open', NOW - 100);
    const circuit = { since: NOW - 100, nextProbeAt: NOW + 9_900, openings: 2 };
    const circuits = (url: string) => ({ since: null, circuits: [{ url, ...circuit }], oldestWaitingAt: null });
    expect((await find('failing=true')).items).toMatchObject([
      { id: cut, failing: circuits('https://cut.example/') },
      { id: twin, failing: circuits('https://cut.example/?twin') },
    ]);
    expect(await idsOf('failing=true&name=cut')).toEqual([cut]);
    expect(await find('failing=true&limit=1&fields=items(id),totalCount')).toEqual({
      items: [{ id: cut }],
      totalCount: 2,
    });
    expect(await idsOf('failing=false')).toContain(idle);
    await breaker(cut, 'closed', NOW - 50);
    expect(await idsOf('failing=true')).toEqual([]);
  });

  it('is bound to the account, and shows nothing of it where it is not asked for', async () => {
    const theirs = await create({ callback: 'https://cut.example/' }, 2);
    await breaker(theirs, 'open', NOW);
    expect(await idsOf('failing=true')).toEqual([]);
    expect(await idsOf('failing=true', 2)).toEqual([theirs]);
    expect((await find('', 2)).items[0]).not.toHaveProperty('failing');
    await breaker(theirs, 'closed', NOW + 1);
  });

  it('says nothing of what failed before the webhook was enabled again', async () => {
    const id = await create({ name: 'again' });
    await outcome(id, 9, 'attempted', NOW - HOUR);
    expect(await idsOf('failing=true')).toEqual([id]);
    // The clock of the service runs ahead of the log's here.
    for (const enabled of [false, true]) await service.call('PUT', `/v2/webhooks/${id}`, { enabled });
    expect(await idsOf('failing=true')).toEqual([]);
  });

  it('refuses another value by its name', async () => {
    for (const value of ['yes', '', 'TRUE']) {
      expect(await find(`failing=${value}`)).toMatchObject({
        httpStatusCode: 400,
        errors: [{ field: 'failing', message: 'must be true or false' }],
      });
    }
  });
});
