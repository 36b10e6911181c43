import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Closer } from '@switchhook/platform';
import { eventually } from '@switchhook/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { routeOf } from './routes.js';
import { startGateway } from './start-gateway.js';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [name: string]: unknown;
}

const lines: Line[] = [];
const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) });
const closer = new Closer(logger);
let service: Server;
let seen: { url?: string; headers: IncomingHttpHeaders; body: Buffer } | undefined;
let url: string;

beforeEach(async () => {
  lines.length = 0;
  service = createServer((request, response) => {
    void buffer(request).then((body) => {
      seen = { ...(request.url && { url: request.url }), headers: request.headers, body };
      response.writeHead(202, { 'x-own': 'yes', connection: 'x-hop', 'x-hop': '1' }).end(body);
    });
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const away = 'http://127.0.0.1:1';
  const env = { ROLE: 'gateway', PORT: '0', INGESTION_URL: origin, SUBSCRIPTIONS_URL: away, AUDIT_URL: away };
  url = (await startGateway(env, logger, closer)).url;
});
afterEach(async () => {
  await closer.closeAll();
  service.closeAllConnections();
  service.close();
});

describe('gateway', () => {
  it.each([
    ['POST', '/v2/events', 'ingestion'],
    ['GET', '/v2/events?eventId=1', 'audit'],
    ['GET', '/v2/webhooks/5/deliveries', 'audit'],
    ['GET', '/v2/deliveries', 'audit'],
    ['GET', '/v2/webhooks/5/circuit', 'delivery'],
    ['POST', '/v2/webhooks/5/circuit/reset', 'delivery'],
    ['PUT', '/v2/webhooks/5', 'subscriptions'],
    ['POST', '/v2/me/api/credentials/5/enable', 'subscriptions'],
    ['GET', '/v2/platform/pause', 'subscriptions'],
    ['POST', '/v2/platform/resume', 'subscriptions'],
    ['GET', '/v2/api-docs/swagger.json', 'subscriptions'],
    ['PUT', '/v2/events', undefined],
    ['GET', '/v2/other', undefined],
  ])('%s %s is answered by %s', (method, path, expected) => expect(routeOf(method, path)?.service).toBe(expected));

  it('passes bytes and end-to-end headers on and back untouched', async () => {
    const body = randomBytes(1_000_000);
    const headers = { authorization: 'Basic eDp5', 'ce-id': 'a' };
    const answer = await fetch(`${url}/v2/events?x=%2F`, { method: 'POST', body, headers });
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
    expect([answer.status, answer.headers.get('x-own'), answer.headers.get('x-hop')]).toEqual([202, 'yes', null]);
    expect(seen?.url).toBe('/v2/events?x=%2F');
    expect(seen?.body.equals(body)).toBe(true);
    expect(seen?.headers).toMatchObject({ ...headers, host: new URL(url).host });
  });

  it('answers 503 with Retry-After while a service is away, also to a request with a body', async () => {
    const answer = await fetch(`${url}/v2/webhooks`, { method: 'POST', body: randomBytes(100_000) });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toMatchObject({ httpStatusCode: 503, internalCode: 50301 });
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { ingestion: { ok: true }, audit: { ok: false } } });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('answers 404 and 405 itself, in our error body', async () => {
    expect(await (await fetch(`${url}/v2/other`)).json()).toMatchObject({ internalCode: 40401 });
    const wrong = await fetch(`${url}/v2/events`, { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
  });

  it('is not ready while a service says that it is not', async () => {
    service.removeAllListeners('request').on('request', (_request, response) => response.writeHead(503).end());
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { ingestion: { ok: false, reason: 'not ready' } } });
  });

  it('says itself which methods a path has, and shows its own metrics', async () => {
    const options = await fetch(`${url}/v2/events`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
    const metrics = await fetch(`${url}/metrics`);
    expect([metrics.status, await metrics.text()]).toEqual([200, expect.stringContaining('# TYPE switchhook_')]);
  });

  it('logs each request once it has ended, by its route and never by its URL or headers', async () => {
    await fetch(`${url}/v2/events?subject=%2B12135551122`, {
      method: 'POST',
      headers: { authorization: 'Basic eDp5' },
    });
    await fetch(`${url}/v2/webhooks/17`);
    await fetch(`${url}/v2/other?number=12135551122`);
    await fetch(`${url}/health/live`);
    const requests = () => lines.filter(({ msg }) => msg === 'request');
    await eventually(() => expect(requests()).toHaveLength(4));
    expect(requests()).toMatchObject([
      { level: 20, method: 'POST', route: '/v2/events', status: 202, service: 'ingestion' },
      { level: 40, method: 'GET', route: '/v2/webhooks/*', status: 503, service: 'subscriptions' },
      { level: 30, method: 'GET', status: 404 },
      { level: 20, method: 'GET', route: '/health/live', status: 200 },
    ]);
    for (const { durationMs } of requests()) expect(durationMs).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toMatch(/12135551122|eDp5/);
  });

  it('says of a request that was cut off that it was', async () => {
    const client = new AbortController();
    service.removeAllListeners('request').on('request', () => client.abort());
    await expect(fetch(`${url}/v2/events`, { method: 'POST', signal: client.signal })).rejects.toThrow();
    const line = await eventually(() => lines.find(({ msg }) => msg === 'request') ?? false);
    expect(line).toMatchObject({ level: 30, route: '/v2/events', status: 499, cut: true });
  });
});
