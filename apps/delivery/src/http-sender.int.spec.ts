import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { bytesLeftBy, freePort, startReceiver, type Receiver } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NameNotResolvedError } from './attempt-error.js';
import { httpSender, type CallAnswer, type HttpSender } from './http-sender.js';
import { hostResolver, type ResolveHost } from './resolve-host.js';

const BODY = Buffer.from('{"id":7420017300281076000}');
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

const resolveHost = (): ResolveHost =>
  hostResolver({ hosts: { find: () => undefined }, resolver: new Resolver({ timeout: 300, tries: 1 }) });

let receiver: Receiver;
let sender: HttpSender;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  receiver = await startReceiver();
  sender = httpSender({ resolve: resolveHost(), allowedCidrs: LOOPBACK });
});
afterEach(async () => {
  await sender.close();
  await receiver.close();
  for (const close of closing.splice(0)) await close();
});

function call(
  url: string,
  options: { timeoutMs?: number; signal?: AbortSignal; by?: HttpSender; body?: Buffer } = {},
): Promise<CallAnswer> {
  return (options.by ?? sender).send({
    call: { method: 'POST', url, headers: { 'content-type': 'application/json', 'x-one': '1' }, signingKeyIds: [] },
    body: options.body ?? BODY,
    timeoutMs: options.timeoutMs ?? 2_000,
    nonStrictSsl: false,
    allowLoopback: false,
    signal: options.signal ?? new AbortController().signal,
  });
}

const FORBIDDEN_HOSTS = readFileSync(new URL('../../../libs/domain/src/forbidden-hosts.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#') && URL.canParse(`http://${line}/`));

const addressOf = (host: string): string => new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, '');

/** A server that answers every connection with these bytes. */
async function rawServer(answer: string): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('the sender', () => {
  it('sends exactly the bytes, the path with its query and the headers that were signed', async () => {
    await call(`${receiver.url}/a%20b?c=1&c=2`);
    const [received] = receiver.calls;
    expect(received?.body).toEqual(BODY);
    expect(received).toMatchObject({ method: 'POST', path: '/a%20b?c=1&c=2' });
    expect(received?.headers).toMatchObject({ 'x-one': '1', 'content-length': String(BODY.length) });
  });

  it('answers with status, Retry-After and the first KiB of the body', async () => {
    const url = await rawServer(
      `HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 3000\r\n\r\n${'x'.repeat(3_000)}`,
    );
    const answer = await call(url);
    expect(answer).toMatchObject({ statusCode: 503, error: null, retryAfter: '7', abandoned: false });
    expect(answer.responseBody).toBe('x'.repeat(1_024));
  });

  it('does not follow a redirect', async () => {
    const url = await rawServer(`HTTP/1.1 302 Found\r\nLocation: ${receiver.url}/\r\nContent-Length: 0\r\n\r\n`);
    expect(await call(url)).toMatchObject({ statusCode: 302, error: 'redirect' });
    expect(receiver.total).toBe(0);
  });

  it.each([
    ['200 OK', { statusCode: 200, error: null }],
    ['302 Found', { statusCode: 302, error: 'redirect' }],
    ['503 Busy', { statusCode: 503, error: null, retryAfter: '7' }],
  ])('breaks off a response that is longer than we read, and goes by its status: %s', async (status, expected) => {
    // Without its last byte: who waits for the end of it waits until the deadline.
    const head = `HTTP/1.1 ${status}\r\nRetry-After: 7\r\nContent-Length: 200001\r\n\r\n`;
    const url = await rawServer(head + 'x'.repeat(200_000));
    const answer = await call(url);
    expect(answer).toMatchObject({ ...expected, abandoned: false });
    expect(answer.responseBody).toBe('x'.repeat(1_024));
  });

  it('gives up on an endpoint that hangs, and on one that drips, when the whole exchange has taken too long', async () => {
    receiver.respond('hang');
    expect(await call(receiver.url, { timeoutMs: 100 })).toMatchObject({ statusCode: null, error: 'timeout' });
    receiver.respond({ drip: { everyMs: 20, chunks: 1_000 } });
    expect(await call(receiver.url, { timeoutMs: 150 })).toMatchObject({ error: 'timeout', abandoned: false });
  });

  it('says what kept a call from being answered', async () => {
    expect(await call(`http://127.0.0.1:${await freePort()}/`)).toMatchObject({ error: 'refused' });
    expect(await call(await rawServer(''))).toMatchObject({ error: 'reset' });
    expect(await call(await rawServer('no HTTP at all\r\n\r\n'))).toMatchObject({ error: 'protocol' });
    expect(await call(`https://127.0.0.1:${receiver.port}/`)).toMatchObject({ error: 'tls' });
    const nowhere: ResolveHost = () => Promise.reject(new NameNotResolvedError('receiver.example'));
    const lost = httpSender({ resolve: nowhere, allowedCidrs: LOOPBACK });
    closing.push(() => lost.close());
    expect(await call('http://receiver.example/', { by: lost })).toMatchObject({ error: 'dns' });
  });

  it('has no outcome for a call that we broke off ourselves', async () => {
    receiver.respond('hang');
    const abort = new AbortController();
    const answer = call(receiver.url, { signal: abort.signal });
    await receiver.waitForCalls(1).catch(() => undefined);
    abort.abort();
    expect(await answer).toMatchObject({ abandoned: true });
  });
});

describe('addresses that policy forbids', () => {
  const strict = (resolve = resolveHost()) => {
    const made = httpSender({ resolve, allowedCidrs: [] });
    closing.push(() => made.close());
    return made;
  };

  it('are never connected to, however they are written', async () => {
    const by = strict();
    const answers = await Promise.all(
      ['localhost', 'a.localhost', ...FORBIDDEN_HOSTS].map(async (host) => {
        const answer = await call(`http://${host}:${receiver.port}/`, { by });
        return answer.error === 'address-refused' ? undefined : `${host}: ${answer.error ?? answer.statusCode}`;
      }),
    );
    expect(answers.filter((wrong) => wrong !== undefined)).toEqual([]);
    expect(receiver.total).toBe(0);
  });

  it('are not reached through a name either', async () => {
    const wrong: string[] = [];
    for (const address of FORBIDDEN_HOSTS.map(addressOf)) {
      const by = strict(async () => [{ address, family: address.includes(':') ? 6 : 4 }]);
      const { error } = await call(`http://receiver.example:${receiver.port}/`, { by });
      if (error !== 'address-refused') wrong.push(`${address}: ${error}`);
    }
    expect(wrong).toEqual([]);
    expect(receiver.total).toBe(0);
  });

  it('are not reached by a URL that cannot be read: it ends as protocol', async () => {
    for (const url of ['http://[fe80::1%25eth0]/', 'http://127..1/', 'nonsense', '']) {
      expect(await call(url, { by: strict() })).toMatchObject({ error: 'protocol', statusCode: null });
    }
  });

  it('refuses a name when only one of its addresses is forbidden', async () => {
    const mixed: ResolveHost = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ];
    const guarded = httpSender({ resolve: mixed, allowedCidrs: LOOPBACK });
    closing.push(() => guarded.close());
    expect(await call(`http://receiver.example:${receiver.port}/`, { by: guarded })).toMatchObject({
      error: 'address-refused',
    });
  });

  it('connects to the address that was checked, whatever a second look-up would say', async () => {
    let asked = 0;
    const rebinding: ResolveHost = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }];
    };
    const guarded = httpSender({ resolve: rebinding, allowedCidrs: LOOPBACK });
    closing.push(() => guarded.close());
    expect(await call(`http://receiver.example:${receiver.port}/`, { by: guarded })).toMatchObject({ statusCode: 200 });
    expect(asked).toBe(1);
  });
});

it('keeps nothing of a call that is answered', async () => {
  const server = createHttpServer((incoming, answer) => void incoming.resume().on('end', () => answer.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const bytes = 50_000;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const step = async (): Promise<void> => {
    expect(await call(url, { body: Buffer.allocUnsafeSlow(bytes) })).toMatchObject({ statusCode: 200, error: null });
  };
  expect(await bytesLeftBy(step)).toBeLessThan(3 * bytes);
});
