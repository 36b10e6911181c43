import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { eventually, startReceiver } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { httpSender, type CallAnswer, type HttpSender } from './http-sender.js';
import type { ResolveHost } from './resolve-host.js';

const LOOPBACK = ['127.0.0.0/8'];
const TIMEOUT_MS = 400;
/** What may lie in the socket buffers of both sides when we break off. */
const BUFFERED_BYTES = 16 * 1024 * 1024;

let sender: HttpSender;
const closing: (() => unknown)[] = [];
const nobody: ResolveHost = () => Promise.reject(new Error('nobody asks for a name here'));

beforeEach(() => {
  sender = httpSender({ resolve: nobody, allowedCidrs: LOOPBACK, connectionsPerOrigin: 2 });
});
afterEach(async () => {
  await sender.close();
  for (const close of closing.splice(0)) await close();
});

const call = (url: string, timeoutMs = TIMEOUT_MS): Promise<CallAnswer> =>
  sender.send({
    call: { method: 'POST', url, headers: { 'content-type': 'application/json' }, signingKeyIds: [] },
    body: Buffer.from('{}'),
    timeoutMs,
    nonStrictSsl: false,
    allowLoopback: false,
    signal: new AbortController().signal,
  });

/** A server that does this with each connection once the request has begun to arrive. */
async function hostile(misbehave: (socket: Socket) => void, when: 'data' | 'connection' = 'data') {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    if (when === 'connection') misbehave(socket);
    else socket.once('data', () => misbehave(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { open, port, url: `http://127.0.0.1:${port}/` };
}

/** Writes `piece` for as long as somebody takes it; counts the bytes that the other side took. */
function pour(socket: Socket, piece: Buffer | string, poured: { bytes: number }): void {
  const more = () => {
    while (!socket.destroyed && socket.writable) {
      poured.bytes += piece.length;
      if (!socket.write(piece)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** Writes one piece after another, `everyMs` apart, until the other side has gone. */
function drip(socket: Socket, pieces: () => string, everyMs = 20): void {
  const timer = setInterval(() => socket.write(pieces()), everyMs);
  socket.once('close', () => clearInterval(timer));
}

const HEAD = 'HTTP/1.1 200 OK\r\n';

describe('what an endpoint sends without end', () => {
  const gigabyte = 1024 ** 3;
  it.each<[string, string, Buffer | string]>([
    ['a body of 1 GB', `${HEAD}content-length: ${gigabyte}\r\n\r\n`, Buffer.alloc(64 * 1024, 'x')],
    ['a body without a length', `${HEAD}\r\n`, Buffer.alloc(64 * 1024, 'x')],
    ['chunks', `${HEAD}transfer-encoding: chunked\r\n\r\n`, `4000\r\n${'x'.repeat(0x4000)}\r\n`],
    ['one chunk', `${HEAD}transfer-encoding: chunked\r\n\r\nfffffffffff\r\n`, Buffer.alloc(64 * 1024, 'x')],
    [
      'a gzip bomb',
      `${HEAD}content-encoding: gzip\r\ncontent-length: ${gigabyte}\r\n\r\n`,
      gzipSync(Buffer.alloc(64 * 1024 * 1024)),
    ],
  ])(
    '%s is read to 64 KiB and its connection closed: the status has said that the receiver has it',
    async (_name, head, piece) => {
      const poured = { bytes: 0 };
      const { url, open } = await hostile((socket) => {
        socket.write(head);
        pour(socket, piece, poured);
      });
      const answer = await call(url, 5_000);
      expect(answer).toMatchObject({ statusCode: 200, error: null, abandoned: false });
      expect(answer.responseBody?.length).toBeLessThanOrEqual(1_024);
      await eventually(() => open.size === 0);
      expect(poured.bytes).toBeLessThan(BUFFERED_BYTES);
    },
  );

  it.each<[string, string, string]>([
    ['headers', HEAD, 'x-filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'],
    ['one header', `${HEAD}x-filler: `, 'y'.repeat(1_000)],
    ['trailers', `${HEAD}transfer-encoding: chunked\r\n\r\n0\r\n`, 'x-filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'],
  ])('%s end as protocol', async (_name, head, piece) => {
    const poured = { bytes: 0 };
    const { url, open } = await hostile((socket) => {
      socket.write(head);
      pour(socket, piece, poured);
    });
    expect(await call(url, 5_000)).toMatchObject({ error: 'protocol' });
    await eventually(() => open.size === 0);
    expect(poured.bytes).toBeLessThan(BUFFERED_BYTES);
  });

  it.each<[string, string, string]>([
    ['the extension of a chunk', `${HEAD}transfer-encoding: chunked\r\n\r\n5;a=`, 'e'.repeat(1_000)],
    ['early hints', '', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
    ['empty lines', '', '\r\n'.repeat(500)],
  ])('%s last until the deadline', async (_name, head, piece) => {
    const { url, open } = await hostile((socket) => {
      socket.write(head);
      drip(socket, () => piece, 1);
    });
    expect(await call(url)).toMatchObject({ error: 'timeout', abandoned: false });
    await eventually(() => open.size === 0);
  });

  it('early hints are not the answer: that comes after them, or not at all', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
    const { url } = await hostile((socket) => socket.end(`${hint}${hint}HTTP/1.1 204 Done\r\n\r\n`));
    expect(await call(url, 5_000)).toMatchObject({ statusCode: 204, error: null });
    const silent = await hostile((socket) => socket.write(hint));
    expect(await call(silent.url)).toMatchObject({ statusCode: null, error: 'timeout' });
  });

  it('10,000 headers end as protocol', async () => {
    const headers = Array.from({ length: 10_000 }, (_, n) => `x-${n}: 1\r\n`).join('');
    const { url } = await hostile((socket) => socket.end(`${HEAD}${headers}content-length: 0\r\n\r\n`));
    expect(await call(url, 5_000)).toMatchObject({ statusCode: null, error: 'protocol' });
  });
});

describe('the deadline over the whole exchange', () => {
  it.each<[string, string, () => string]>([
    ['the status line', '', () => 'H'],
    ['headers', HEAD, () => 'x: 1\r\n'],
    ['a body with its length', `${HEAD}content-length: 100000\r\n\r\n`, () => 'x'],
    ['a body in chunks', `${HEAD}transfer-encoding: chunked\r\n\r\n`, () => '1\r\nx\r\n'],
    ['a body until the end of the connection', `${HEAD}connection: close\r\n\r\n`, () => 'x'],
  ])('cuts off a server that drips %s', async (name, head, piece) => {
    const all = 'HTTP/1.1 200 OK'.split('');
    const { url, open } = await hostile((socket) => {
      socket.write(head);
      drip(socket, name === 'the status line' ? () => all.shift() ?? ' ' : piece, 50);
    });
    const began = performance.now();
    expect(await call(url)).toMatchObject({ error: 'timeout', abandoned: false });
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS + 4_000); // The server would drip for ever.
    await eventually(() => open.size === 0);
  });

  it('cuts off a server that takes the connection and says nothing, with TLS too', async () => {
    const { url, port, open } = await hostile(() => undefined);
    expect(await call(url)).toMatchObject({ error: 'timeout' });
    expect(await call(`https://127.0.0.1:${port}/`)).toMatchObject({ error: 'timeout' });
    await sender.close();
    await eventually(() => open.size === 0);
  });

  it('covers the look-up of a name that is never answered', async () => {
    const hanging = httpSender({ resolve: () => new Promise(() => undefined), allowedCidrs: [] });
    closing.push(() => hanging.close());
    sender = hanging;
    expect(await call('http://hanging.example/')).toMatchObject({ error: 'timeout' });
  });

  it('sends nothing once it is over, when a connection comes about at last', async () => {
    const receiver = await startReceiver();
    closing.push(() => receiver.close());
    let found: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (found = resolve));
    const resolve: ResolveHost = () => late.then(() => [{ address: '127.0.0.1', family: 4 }]);
    const slow = httpSender({ resolve, allowedCidrs: LOOPBACK, connectionsPerOrigin: 1 });
    closing.push(() => slow.close());
    sender = slow;
    expect(await call(`http://slow.example:${receiver.port}/late`)).toMatchObject({ error: 'timeout' });
    const next = call(`http://slow.example:${receiver.port}/next`, 5_000);
    found();
    expect(await next).toMatchObject({ statusCode: 200 });
    expect(receiver.calls.map(({ path }) => path)).toEqual(['/next']);
  });

  it('says what had come before it: the status, and the beginning of the body', async () => {
    const { url } = await hostile((socket) => socket.write(`HTTP/1.1 202 OK\r\ncontent-length: 100\r\n\r\nhello`));
    expect(await call(url)).toMatchObject({ statusCode: 202, error: 'timeout', responseBody: 'hello' });
  });

  it('leaves the endpoint its place: after calls that were cut off the next one is made', async () => {
    let hangs = true;
    const receiver = await startReceiver({ behaviour: () => (hangs ? 'hang' : 200) });
    closing.push(() => receiver.close());
    // Twice as many as there are connections to an origin.
    await Promise.all(Array.from({ length: 4 }, () => call(receiver.url)));
    hangs = false;
    expect(await call(receiver.url)).toMatchObject({ statusCode: 200, error: null });
  });
});

describe('what is not HTTP', () => {
  it.each<[string, string, Partial<CallAnswer>]>([
    ['another protocol', '220 mail.example ESMTP\r\n', { error: 'protocol' }],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { error: 'protocol' }],
    ['an unknown version', 'HTTP/9.9 200 OK\r\n\r\n', { error: 'protocol' }],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', { error: 'protocol' }],
    ['a header without a colon', `${HEAD}nonsense\r\n\r\n`, { error: 'protocol' }],
    ['a folded header', `${HEAD}a: b\r\n c\r\nx : y\r\n\r\n`, { error: 'protocol' }],
    ['a NUL in a header', `${HEAD}a: b\0c\r\n\r\n`, { error: 'protocol' }],
    ['two lengths', `${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nab`, { error: 'protocol' }],
    ['a length that is none', `${HEAD}content-length: -1\r\n\r\n`, { error: 'protocol' }],
    ['a length beside chunks', `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, {}],
    ['a chunk size that is none', `${HEAD}transfer-encoding: chunked\r\n\r\nxyz\r\n`, { error: 'protocol' }],
    ['a chunk size too large', `${HEAD}transfer-encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n`, { error: 'protocol' }],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      { error: 'protocol' },
    ],
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n', { error: 'protocol' }],
    ['an end before the status', 'HTTP/1.1', { statusCode: null }],
    ['an end within the headers', `${HEAD}a: b`, { statusCode: null }],
    ['an end before the length', `${HEAD}content-length: 10\r\n\r\nabc`, { statusCode: 200, responseBody: 'abc' }],
    ['an end within a chunk', `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nab`, { statusCode: 200 }],
  ])('%s is an outcome', async (_name, answer, expected) => {
    const { url, open } = await hostile((socket) => socket.end(answer, 'latin1'));
    const { error, ...rest } = await call(url, 5_000);
    expect({ error, ...rest }).toMatchObject(expected);
    expect(['protocol', 'reset']).toContain(error);
    await eventually(() => open.size === 0);
  });

  it('nor bytes at random, before or after they were asked for', async () => {
    const noise = Buffer.from(Array.from({ length: 2_000 }, (_, n) => (n * 7919) % 256));
    for (const when of ['data', 'connection'] as const) {
      const { url } = await hostile((socket) => socket.end(noise), when);
      expect(['protocol', 'reset']).toContain((await call(url, 5_000)).error);
    }
  });

  it('an answer of a kind that nobody knows is one', async () => {
    const { url } = await hostile((socket) => socket.end('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'));
    expect(await call(url)).toMatchObject({ statusCode: 999, error: null, responseBody: null });
  });

  it('a second answer that nobody asked for is not taken for that of the next call', async () => {
    const ok = `${HEAD}content-length: 0\r\n\r\n`;
    const { url } = await hostile((socket) => {
      socket.write(`${ok}HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n`);
      socket.on('data', () => socket.write(ok));
    });
    const answers = [await call(url), await call(url), await call(url)];
    expect(answers.map(({ statusCode }) => statusCode)).not.toContain(500);
  });
});

describe('a URL', () => {
  it('of 8,000 characters is called as it is', async () => {
    const receiver = await startReceiver();
    closing.push(() => receiver.close());
    const url = `${receiver.url}/`.padEnd(8_000, 'x');
    expect(await call(url)).toMatchObject({ statusCode: 200 });
    expect(receiver.calls[0]?.path).toHaveLength(8_000 - receiver.url.length);
  });

  it('with a name in other letters is looked up and called in ASCII (RFC 5891)', async () => {
    const receiver = await startReceiver();
    closing.push(() => receiver.close());
    const asked: string[] = [];
    const resolve: ResolveHost = async (hostname) => {
      asked.push(hostname);
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const idn = httpSender({ resolve, allowedCidrs: LOOPBACK });
    closing.push(() => idn.close());
    sender = idn;
    expect(await call(`http://bücher.example:${receiver.port}/größe?ü=ß#teil`)).toMatchObject({ statusCode: 200 });
    expect(asked).toEqual(['xn--bcher-kva.example']);
    expect(receiver.calls[0]?.headers.host).toBe(`xn--bcher-kva.example:${receiver.port}`);
    expect(receiver.calls[0]?.path).toBe('/gr%C3%B6%C3%9Fe?%C3%BC=%C3%9F');
  });

  it('with credentials in it does not send them, and port 0 is refused by the machine', async () => {
    const receiver = await startReceiver();
    closing.push(() => receiver.close());
    expect(await call(`http://user:secret@127.0.0.1:${receiver.port}/`)).toMatchObject({ statusCode: 200 });
    expect(receiver.calls[0]?.headers.authorization).toBeUndefined();
    expect((await call('http://127.0.0.1:0/')).error).not.toBeNull();
  });
});
