import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Body, Controller, Get, HttpCode, Module, Param, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { HttpErrorSchema } from '@switchhook/contracts';
import { LogUnavailableError } from '@switchhook/event-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { actorOf } from './actor.js';
import { createApp } from './create-app.js';
import { fakeResources, type FakeResources } from './fakes/fake-resources.js';
import { aCredential, credentialRecord } from './fakes/samples.js';
import { HttpFault } from './http-errors.js';
import { credentialSecrets } from './keys.js';
import { generatedVerifier } from './password-verifier.js';
import { validate } from './validate.js';

const BodySchema = z.strictObject({
  name: z.string(),
  retry: z.strictObject({ delaysMs: z.array(z.number().int().min(0)) }).optional(),
});
let bodies: unknown[] = [];

@Controller('v2')
class ThingsController {
  @Get('me')
  me(@Req() request: object) {
    return actorOf(request);
  }

  @Post('things')
  create(@Body() body: unknown) {
    return validate(BodySchema, body);
  }

  @Get('things/:id')
  one(@Param('id') id: string) {
    if (id === 'away') throw new LogUnavailableError('broker 10.0.0.1 is away');
    if (id === 'bug') throw new TypeError('cannot read password=hunter2 of undefined');
    if (id === 'slow') throw new HttpFault('tooMany', 'Slower', { retryAfterSeconds: 2.5 });
    throw new HttpFault('unknownId', `No thing ${id}`);
  }

  @Post('events')
  @HttpCode(202)
  events(@Body() body: unknown) {
    bodies.push(body);
    return { accepted: 1 };
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let resources: FakeResources;
let app: NestFastifyApplication;

beforeAll(async () => {
  resources = await fakeResources();
  const [secret = Buffer.alloc(0)] = credentialSecrets(resources.keyRing);
  const credential = (id: number, username: string, changes: object) =>
    credentialRecord(aCredential({ id, username, verifier: generatedVerifier(secret, 'pass:word'), ...changes }));
  await resources.log.publish([
    credential(1, 'root', { role: 'platform', accountId: undefined }),
    credential(2, 'sue', { accountId: 3 }),
  ]);
  app = await createApp({ resources, modules: [{ module: ThingsModule }] });
});
afterAll(() => app.close());

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const SUE = { authorization: basic('sue:pass:word') };
const ROOT = { authorization: basic('root:pass:word') };

const get = (url: string, headers: Record<string, string> = SUE) => app.inject({ method: 'GET', url, headers });
const post = (url: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, payload, headers: { ...SUE, 'content-type': 'application/json', ...headers } });

describe('a start', () => {
  it('loads no compiler of JSON schemas, which no route has', () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    expect(loaded.filter((path) => /[\\/]fastify[\\/]fastify\.js$/.test(path))).toHaveLength(1);
    expect(loaded.filter((path) => /[\\/]ajv[\\/]/.test(path))).toEqual([]);
  });
});

describe('authentication', () => {
  it('tells handlers who asks', async () => {
    expect((await get('/v2/me')).json()).toEqual({ credentialId: 2, role: 'account', accountId: 3, anyAccount: false });
    expect((await get('/v2/me', ROOT)).json()).toEqual({
      credentialId: 1,
      role: 'platform',
      accountId: 1,
      anyAccount: true,
    });
    const acting = await get('/v2/me', { ...ROOT, 'switchhook-account': '9007199254740991' });
    expect(acting.json()).toMatchObject({ accountId: 9007199254740991, anyAccount: false });
  });

  it.each([
    {},
    { authorization: basic('sue:wrong') },
    { authorization: basic('sue') },
    { authorization: 'Basic !' },
    { authorization: 'Bearer abc' },
  ])('answers 401 and how to ask again: %o', async (headers) => {
    const answer = await get('/v2/me', headers as Record<string, string>);
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="switchhook"/);
    expect(answer.json()).toMatchObject({ httpStatusCode: 401, internalCode: 40101 });
  });

  it('reads no body of a stranger', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/v2/things',
      payload: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(401);
  });

  it.each(['-1', '1.0', '01', ' 1', '1e3', '9007199254740992', 'abc', ''])(
    'refuses the account "%s"',
    async (account) => {
      expect((await get('/v2/me', { ...ROOT, 'switchhook-account': account })).json().internalCode).toBe(40003);
    },
  );

  it('lets no account name another, nor even its own', async () => {
    const answer = await get('/v2/me', { ...SUE, 'switchhook-account': '3' });
    expect([answer.statusCode, answer.json().internalCode]).toEqual([403, 40302]);
  });

  it('leaves health and metrics open', async () => {
    expect((await get('/health/live', {})).json()).toEqual({ status: 'ok', checks: { log: { ok: true } } });
    expect((await get('/health/ready', {})).statusCode).toBe(200);
    const metrics = await get('/metrics', {});
    expect(metrics.headers['content-type']).toMatch(/^text\/plain/);
    expect(metrics.body).toContain('switchhook_events_accepted_total');
  });

  it('is alive though the log is away, and not alive once only a new process can read on', async () => {
    resources.log.healthReason = 'the broker is away';
    expect((await get('/health/live', {})).statusCode).toBe(200);
    resources.log.stuck = 'fetches hang';
    const answer = await get('/health/live', {});
    resources.log.stuck = resources.log.healthReason = undefined;
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ status: 'failing', checks: { log: { ok: false, reason: 'fetches hang' } } });
  });

  it('answers 503 with the reason while a check fails', async () => {
    resources.readiness.add('lanes', () => 'full');
    const answer = await get('/health/ready', {});
    resources.readiness.add('lanes', () => undefined);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ status: 'failing', checks: { lanes: { ok: false, reason: 'full' } } });
  });
});

describe('errors', () => {
  it('lists every fault by its dotted path, and begins with the first', async () => {
    const answer = await post('/v2/things', '{"nam":1,"retry":{"delaysMs":[0,1,-2],"x":1}}');
    expect(answer.statusCode).toBe(400);
    const body = HttpErrorSchema.parse(answer.json());
    expect(body.internalCode).toBe(40001);
    expect(body.message).toMatch(/^name is missing/);
    expect(body.errors?.map(({ field }) => field)).toEqual(['name', 'retry.delaysMs[2]', 'retry.x', 'nam']);
  });

  it('names the place at which JSON ends to be JSON, and quotes nothing', async () => {
    const answer = await post('/v2/things', '{\n  "secret": hunter2\n}');
    expect(answer.json()).toMatchObject({ internalCode: 40002, message: expect.stringContaining('at byte 14') });
    expect(answer.body).not.toContain('hunter2');
    expect((await post('/v2/things', '{"a":')).json().message).toContain('ends at byte 5');
  });

  it('treats an empty JSON body as none', async () => {
    expect((await post('/v2/things', '')).json().errors).toEqual([{ field: 'body', message: 'is missing' }]);
  });

  it('answers 415 for another type, and 413 above 4 MiB', async () => {
    expect((await post('/v2/things', 'a=1', { 'content-type': 'text/plain' })).json().internalCode).toBe(41501);
    expect((await post('/v2/events', Buffer.alloc(4 * 1024 * 1024 + 1))).json().internalCode).toBe(41301);
    expect((await post('/v2/events', Buffer.alloc(4 * 1024 * 1024, 32))).statusCode).toBe(202);
  });

  it('tells an unknown path from an unknown id', async () => {
    expect((await get('/v2/nothing')).json().internalCode).toBe(40401);
    expect((await get('/v2/things/5')).json()).toMatchObject({ internalCode: 40402, message: 'No thing 5' });
  });

  it('answers another method with 405 and the methods that there are', async () => {
    const answer = await app.inject({ method: 'DELETE', url: '/v2/things/5?x=1', headers: SUE });
    expect([answer.statusCode, answer.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(answer.json().internalCode).toBe(40501);
    const options = await app.inject({ method: 'OPTIONS', url: '/v2/things' });
    expect([options.statusCode, options.headers['allow'], options.body]).toEqual([204, 'POST, OPTIONS', '']);
    const head = await app.inject({ method: 'HEAD', url: '/v2/me', headers: SUE });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  it('answers 503 and 429 with the time to wait', async () => {
    const away = await get('/v2/things/away');
    expect([away.statusCode, away.headers['retry-after'], away.json().internalCode]).toEqual([503, '1', 50302]);
    const slow = await get('/v2/things/slow');
    expect([slow.statusCode, slow.headers['retry-after']]).toEqual([429, '3']);
  });

  it('says nothing about the inside: no stack, no message that it did not write', async () => {
    for (const url of ['/v2/things/bug', '/v2/things/away']) {
      const { body } = await get(url);
      expect(body).not.toMatch(/hunter2|10\.0\.0\.1|at .*\.ts|TypeError/);
      HttpErrorSchema.parse(JSON.parse(body));
    }
    expect((await get('/v2/things/bug')).json().internalCode).toBe(50001);
  });

  it('answers a URL that cannot be read in the same form', async () => {
    const answer = await get('/v2/things/%zz');
    expect([answer.statusCode, answer.json().internalCode]).toEqual([400, 40002]);
    expect((await get(`/v2/things/${'x'.repeat(2_000)}`)).json().internalCode).toBe(41401);
  });
});

describe('bodies of events', () => {
  it.each([
    'application/json',
    'application/cloudevents+json',
    'application/cloudevents-batch+json',
    'text/xml; charset=utf-8',
  ])('reach the handler byte for byte as %s', async (type) => {
    bodies = [];
    const sent = Buffer.from('{ "n": 12345678901234567890, "t": "\\u00e9\u00e9" }\n');
    await post('/v2/events', sent, { 'content-type': type, 'ce-id': '1' });
    expect(bodies[0]).toBeInstanceOf(Buffer);
    expect(sent.equals(bodies[0] as Buffer)).toBe(true);
  });
});
