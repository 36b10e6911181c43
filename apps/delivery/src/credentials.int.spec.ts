import type { Sealed, Webhook } from '@switchhook/contracts';
import { createKeyRing, generateKeys, open, seal } from '@switchhook/platform';
import { startReceiver, type Receiver, type Responder } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookFixture } from './delivery.fixture.js';
import { httpSender, type HttpSender } from './http-sender.js';
import { PresentedCredentials, type Presented } from './presented.js';

const keyRing = createKeyRing(generateKeys());
const BODY = Buffer.from('{"id":7420017300281076000}');
const CALL_HEADERS = { 'content-type': 'application/json', 'webhook-id': 'msg-1' };

let receiver: Receiver;
let sender: HttpSender;

beforeEach(async () => {
  receiver = await startReceiver();
  sender = httpSender({ resolve: () => Promise.reject(new Error('no names here')), allowedCidrs: ['127.0.0.0/8'] });
});
afterEach(async () => {
  await sender.close();
  await receiver.close();
});

const sealed = (field: string, text: string, webhookId = 1): Promise<Sealed> =>
  seal(keyRing, 'delivery', { accountId: 1, webhookId, field }, text);

/** Opens with the keys of delivery; says what did not open, and how often it was asked. */
function credentials(ring = keyRing) {
  const reports: string[] = [];
  let openings = 0;
  const presented = new PresentedCredentials(
    ({ id, accountId }, field, each) => {
      openings += 1;
      return open(ring, 'delivery', { accountId, webhookId: id, field }, each);
    },
    (_webhook, error) => reports.push(String(error)),
  );
  return { presented, reports, openings: () => openings };
}

async function presentedBy(webhook: Partial<Webhook>): Promise<Presented> {
  const found = await credentials().presented.of(webhookFixture(webhook));
  if (found === undefined || 'unreadable' in found) throw new Error(JSON.stringify(found));
  return found;
}

const call = (presented: Presented | undefined, timeoutMs = 2_000) =>
  sender.send({
    call: { method: 'POST', url: receiver.url, headers: CALL_HEADERS, signingKeyIds: [] },
    body: BODY,
    timeoutMs,
    nonStrictSsl: false,
    presented,
    allowLoopback: false,
    signal: new AbortController().signal,
  });

const BASIC = `Basic ${Buffer.from('Aladdin:open sesame – ü').toString('base64')}`;
const basic = async (type: 'basic' | 'basic-challenge'): Promise<Webhook['auth']> => ({
  type,
  username: 'Aladdin',
  password: await sealed('auth.password', 'open sesame – ü'),
});

describe('what a call presents', () => {
  it('is nothing for a webhook without credentials, and costs nothing', () => {
    const { presented, openings } = credentials();
    expect(presented.of(webhookFixture())).toBeUndefined();
    expect(openings()).toBe(0);
  });

  it('is a user and a password with the first request (RFC 7617)', async () => {
    await call(await presentedBy({ auth: await basic('basic') }));
    expect(receiver.calls.map(({ headers }) => headers.authorization)).toEqual([BASIC]);
  });

  it('is a bearer token (RFC 6750)', async () => {
    await call(await presentedBy({ auth: { type: 'bearer', token: await sealed('auth.token', 't0k~en==') } }));
    expect(receiver.calls[0]?.headers.authorization).toBe('Bearer t0k~en==');
  });

  it('is fixed headers beside those that were signed, spelled as they were given', async () => {
    const headers = {
      'X-Api-Key': await sealed('headers.x-api-key', 'k 1'),
      authorization: await sealed('headers.authorization', 'ApiKey 2'),
      'x-empty': await sealed('headers.x-empty', ''),
    };
    await call(await presentedBy({ headers }));
    const [received] = receiver.calls;
    expect(received?.headers).toMatchObject({
      ...CALL_HEADERS,
      'x-api-key': 'k 1',
      authorization: 'ApiKey 2',
      'x-empty': '',
    });
    expect(received?.rawHeaders).toContain('X-Api-Key');
    expect(received?.body).toEqual(BODY);
  });

  it('is opened once for a version that changes calls, however many ask at once, and anew for the next', async () => {
    const { presented, openings } = credentials();
    const auth = await basic('basic');
    const asked = [1, 2, 3].map(async () => presented.of(webhookFixture({ auth })));
    expect(new Set(await Promise.all(asked)).size).toBe(1);
    expect(presented.of(webhookFixture({ auth, version: 5 }))).not.toBeInstanceOf(Promise);
    expect(openings()).toBe(1);
    await presented.of(webhookFixture({ auth, version: 6, callVersion: 6 }));
    expect(openings()).toBe(2);
  });

  it('cannot be had from what was sealed for another webhook, another field or another key', async () => {
    const wrong: Partial<Webhook>[] = [
      { auth: { type: 'bearer', token: await sealed('auth.token', 'x', 2) } },
      { auth: { type: 'bearer', token: await sealed('auth.password', 'x') } },
      { headers: { 'x-a': await sealed('headers.x-b', 'x') } },
      { tls: { clientCertificate: 'c', clientKey: await sealed('auth.token', 'x') } },
    ];
    for (const webhook of wrong) {
      const { presented, reports } = credentials();
      expect(await presented.of(webhookFixture(webhook))).toMatchObject({ unreadable: expect.any(String) });
      expect(reports).toHaveLength(1);
    }
    const { presented } = credentials(createKeyRing(generateKeys()));
    expect(await presented.of(webhookFixture({ auth: await basic('basic') }))).toMatchObject({
      unreadable: expect.stringMatching(/^No private key/),
    });
  });
});

describe('basic-challenge', () => {
  const asking: Responder = ({ headers }) =>
    headers.authorization === BASIC
      ? 200
      : { status: 401, headers: { 'www-authenticate': 'Basic realm=""', 'retry-after': '9' }, body: 'who are you?' };

  it('sends no credentials until it is asked, then the same call with them', async () => {
    receiver.respond(asking);
    const answer = await call(await presentedBy({ auth: await basic('basic-challenge') }));
    expect(answer).toEqual({ statusCode: 200, error: null, responseBody: null, abandoned: false });
    expect(receiver.calls.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC]);
    expect(receiver.calls.map(({ body }) => body)).toEqual([BODY, BODY]);
    expect(receiver.calls[1]?.headers).toMatchObject(CALL_HEADERS);
  });

  it('is asked by any of several challenges, in several headers', async () => {
    receiver.respondNext({ status: 401, headers: { 'www-authenticate': 'Digest realm="a, b", nonce="x", BASIC' } });
    expect(await call(await presentedBy({ auth: await basic('basic-challenge') }))).toMatchObject({ statusCode: 200 });
    expect(receiver.total).toBe(2);
  });

  it.each<[string, number, Record<string, string>]>([
    ['a 401 without the header', 401, {}],
    ['a 401 that asks for something else', 401, { 'www-authenticate': 'Bearer realm="Basic"' }],
    ['a 403 with the header', 403, { 'www-authenticate': 'Basic realm="x"' }],
    ['a success with the header', 200, { 'www-authenticate': 'Basic realm="x"' }],
  ])('makes no second call after %s', async (_name, status, headers) => {
    receiver.respond({ status, headers });
    expect(await call(await presentedBy({ auth: await basic('basic-challenge') }))).toMatchObject({
      statusCode: status,
    });
    expect(receiver.total).toBe(1);
  });

  it('is answered once: a second 401 is the answer', async () => {
    receiver.respond({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
    expect(await call(await presentedBy({ auth: await basic('basic-challenge') }))).toMatchObject({ statusCode: 401 });
    expect(receiver.total).toBe(2);
  });

  it('is within one deadline', async () => {
    let first = true;
    receiver.respond(() => {
      const asks = first;
      first = false;
      const challenge = { status: 401, headers: { 'www-authenticate': 'Basic' }, delayMs: 1_500 };
      return asks ? challenge : 'hang';
    });
    const began = performance.now();
    expect(await call(await presentedBy({ auth: await basic('basic-challenge') }), 2_000)).toMatchObject({
      error: 'timeout',
    });
    // A deadline of its own for the second call would end at 3,500.
    expect(performance.now() - began).toBeLessThan(3_300);
    expect(receiver.total).toBe(2);
  });

  it('is nothing to a webhook without credentials, or with others', async () => {
    receiver.respond(asking);
    expect(await call(undefined)).toMatchObject({ statusCode: 401, responseBody: 'who are you?', retryAfter: '9' });
    const bearer: Webhook['auth'] = { type: 'bearer', token: await sealed('auth.token', 'x') };
    expect(await call(await presentedBy({ auth: bearer }))).toMatchObject({ statusCode: 401 });
    expect(receiver.total).toBe(2);
  });
});
