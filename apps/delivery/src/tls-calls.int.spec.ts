import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import {
  createAuthority,
  eventually,
  startReceiver,
  type Authority,
  type Certified,
  type Receiver,
  type ReceiverOptions,
} from '@switchhook/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Dispatchers } from './dispatchers.js';
import { httpSender, type CallToSend, type HttpSender } from './http-sender.js';
import type { Presented, PresentedTls } from './presented.js';
import type { ResolveHost } from './resolve-host.js';

const here: ResolveHost = async () => [{ address: '127.0.0.1', family: 4 }];
const OPTIONS = { resolve: here, allowedCidrs: ['127.0.0.0/8'] };
const closing: (() => unknown)[] = [];

let authority: Authority;
let server: Certified;
let client: Certified;
let sender: HttpSender;

beforeAll(async () => {
  authority = await createAuthority();
  server = await authority.issue();
  client = await authority.issue({ name: 'switchhook' });
});
beforeEach(() => {
  sender = httpSender(OPTIONS);
});
afterEach(async () => {
  await sender.close();
  for (const close of closing.splice(0)) await close();
});

async function receiverWith(tls: NonNullable<ReceiverOptions['tls']>): Promise<Receiver> {
  const receiver = await startReceiver({ tls });
  closing.push(() => receiver.close());
  return receiver;
}

const presenting = (tls: Partial<PresentedTls>): Presented => ({
  headers: {},
  whenAsked: undefined,
  tls: { name: JSON.stringify(tls), ca: undefined, cert: undefined, key: undefined, ...tls },
});

const call = (url: string, more: Partial<CallToSend> = {}) =>
  sender.send({
    call: { method: 'POST', url, headers: {}, signingKeyIds: [] },
    body: Buffer.from('{}'),
    timeoutMs: 3_000,
    nonStrictSsl: false,
    allowLoopback: false,
    signal: new AbortController().signal,
    ...more,
  });

describe('the certificate of a receiver', () => {
  it.each<[string, () => Promise<Certified> | Certified]>([
    ['expired', () => authority.issue({ days: -1 })],
    ['for another name', () => authority.issue({ altNames: ['DNS:other.example', 'IP:10.0.0.1'] })],
    ['of an authority that nobody knows', () => server],
    ['self-signed', () => authority],
  ])('%s ends as tls, and nothing was sent; with nonStrictSsl it is called', async (name, certified) => {
    const receiver = await receiverWith(await certified());
    const isUnknown = name === 'self-signed' || name.startsWith('of an');
    const trusting = isUnknown ? {} : { presented: presenting({ ca: authority.cert }) };
    expect(await call(receiver.url, trusting)).toMatchObject({ statusCode: null, error: 'tls' });
    expect(receiver.total).toBe(0);
    expect(await call(receiver.url, { ...trusting, nonStrictSsl: true })).toMatchObject({ statusCode: 200 });
  });

  it('is trusted by the CA of the webhook, under its name and under its address', async () => {
    const receiver = await receiverWith(server);
    const presented = presenting({ ca: authority.cert });
    expect(await call(receiver.url, { presented })).toMatchObject({ statusCode: 200, error: null });
    expect(await call(`https://localhost:${receiver.port}/`, { presented })).toMatchObject({ statusCode: 200 });
    expect(await call(`https://elsewhere.example:${receiver.port}/`, { presented })).toMatchObject({ error: 'tls' });
  });

  it('is not trusted by a connection that another webhook made without looking', async () => {
    const receiver = await receiverWith(server);
    expect(await call(receiver.url, { nonStrictSsl: true })).toMatchObject({ statusCode: 200 });
    expect(await call(receiver.url)).toMatchObject({ error: 'tls' });
    expect(receiver.total).toBe(1);
  });
});

describe('the protocol', () => {
  const versioned = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    receiverWith({ ...server, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' });

  it('is TLS 1.2 or 1.3, and nothing older, whatever is checked', async () => {
    const presented = presenting({ ca: authority.cert });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { url } = await versioned(version);
      expect(await call(url, { presented })).toMatchObject({ statusCode: 200 });
    }
    const old = await versioned('TLSv1.1');
    expect(await call(old.url, { presented })).toMatchObject({ error: 'tls' });
    expect(await call(old.url, { nonStrictSsl: true })).toMatchObject({ error: 'tls' });
  });

  it('broken off in its handshake is an outcome', async () => {
    const breaking = createServer((socket) => socket.once('data', () => socket.destroy()));
    breaking.listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    closing.push(() => breaking.close());
    const { port } = breaking.address() as AddressInfo;
    expect((await call(`https://127.0.0.1:${port}/`)).error).toBe('reset');
  });
});

describe('a receiver that wants to know who calls', () => {
  const wanting = () => receiverWith({ ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true });

  it('gets the client certificate of the webhook', async () => {
    const receiver = await wanting();
    const { cert, key } = client;
    expect(await call(receiver.url, { presented: presenting({ ca: authority.cert, cert, key }) })).toMatchObject({
      statusCode: 200,
      error: null,
    });
  });

  it('refuses a webhook without one, and one that has a stranger’s: both are outcomes', async () => {
    const receiver = await wanting();
    const stranger = await (await createAuthority('Stranger')).issue();
    expect(['tls', 'reset']).toContain(
      (await call(receiver.url, { presented: presenting({ ca: authority.cert }) })).error,
    );
    const answer = await call(receiver.url, { presented: presenting({ ca: authority.cert, ...stranger }) });
    expect(['tls', 'reset']).toContain(answer.error);
    expect(receiver.total).toBe(0);
  });

  it('never sees it on the connection of another webhook', async () => {
    const receiver = await receiverWith({
      ...server,
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: false,
    });
    const { cert, key } = client;
    await call(receiver.url, { presented: presenting({ ca: authority.cert, cert, key }) });
    await call(receiver.url, { presented: presenting({ ca: authority.cert }) });
    const ports = receiver.calls.map(({ remotePort }) => remotePort);
    expect(new Set(ports).size).toBe(2);
  });

  it('is an outcome, too, when OpenSSL does not take what the webhook has', async () => {
    const receiver = await wanting();
    const { cert } = client;
    for (const wrong of [
      { cert, key: authority.key },
      { cert: 'no PEM', key: client.key },
      { ca: 'no PEM', cert: 'x' },
    ]) {
      expect(await call(receiver.url, { presented: presenting(wrong) })).toMatchObject({ error: 'tls' });
    }
  });
});

describe('dispatchers', () => {
  it('are one per TLS profile, the least recently used of which goes when it has nothing under way', async () => {
    const dispatchers = new Dispatchers({ ...OPTIONS, profilesMax: 2 });
    closing.push(() => dispatchers.close());
    const receiver = await receiverWith(server);
    receiver.respond('hang');
    const kind = (name: string) => ({
      nonStrictSsl: false,
      allowLoopback: false,
      presented: presenting({ ca: authority.cert, name }),
    });
    const first = dispatchers.of(kind('1'));
    expect(dispatchers.of(kind('1'))).toBe(first);
    let isOver = false;
    const held = first.request({ origin: receiver.url, path: '/', method: 'POST' }).finally(() => (isOver = true));
    await receiver.waitForCalls(1);
    for (const name of ['2', '3', '4']) dispatchers.of(kind(name));
    await eventually(() => dispatchers.count() === 3);
    expect(isOver).toBe(false);
    await receiver.close();
    closing.pop();
    await expect(held).rejects.toThrow();
    await eventually(() => dispatchers.count() === 2);
  });
});
