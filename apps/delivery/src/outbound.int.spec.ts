import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createAuthority, freePort, startReceiver, type Receiver } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDeliveryConfig } from './config.js';
import type { DispatchersOptions } from './dispatchers.js';
import { startDnsServer } from './dns-server.fixture.js';
import { httpSender, type CallToSend } from './http-sender.js';
import { openSender } from './open-sender.js';

/** A public address, as far as policy knows; the proxy of the test leads it to the receiver. */
const PUBLIC = '93.184.216.34';
const closing: (() => unknown)[] = [];
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  closing.push(() => receiver.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A proxy that knows CONNECT only, leads every address to `toPort`, and says what it was asked. */
async function startProxy(toPort: number, answer = 'HTTP/1.1 200 OK\r\n\r\n') {
  const asked: { to: string | undefined; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connect', ({ url, headers }: IncomingMessage, socket: Socket) => {
    asked.push({ to: url, authorization: headers['proxy-authorization'] });
    const onward = connect(toPort, '127.0.0.1');
    for (const each of [socket, onward]) sockets.add(each.on('error', () => undefined));
    socket.write(answer);
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { asked, port: (server.address() as AddressInfo).port };
}

function call(url: string, options: Partial<DispatchersOptions>, more: Partial<CallToSend> = {}) {
  const resolve: DispatchersOptions['resolve'] = async (name) => {
    if (/^[\d.]+$/.test(name)) return [{ address: name, family: 4 }];
    if (name.includes(':')) return [{ address: name.replace(/^\[|\]$/g, ''), family: 6 }];
    return [{ address: name.startsWith('private') ? '10.0.0.1' : PUBLIC, family: 4 }];
  };
  const sender = httpSender({ resolve, allowedCidrs: [], ...options });
  closing.push(() => sender.close());
  return sender.send({
    call: { method: 'POST', url, headers: {}, signingKeyIds: [] },
    body: Buffer.from('{}'),
    timeoutMs: 3_000,
    nonStrictSsl: false,
    allowLoopback: false,
    signal: new AbortController().signal,
    ...more,
  });
}

describe('an outbound proxy', () => {
  it('is given the address that was checked; the name stays with the receiver', async () => {
    const { asked, port } = await startProxy(receiver.port);
    const proxy = new URL(`http://us%65r:p%40ss@127.0.0.1:${port}`);
    expect(await call('http://receiver.example/hook', { proxy })).toMatchObject({ statusCode: 200, error: null });
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    expect(asked).toEqual([{ to: `${PUBLIC}:80`, authorization }]);
    expect(receiver.calls[0]).toMatchObject({ path: '/hook', headers: { host: 'receiver.example' } });
    expect(receiver.calls[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('carries TLS from end to end: the certificate is that of the name', async () => {
    const authority = await createAuthority();
    const secure = await startReceiver({ tls: await authority.issue({ altNames: ['DNS:receiver.example'] }) });
    closing.push(() => secure.close());
    const { asked, port } = await startProxy(secure.port);
    const proxy = new URL(`http://127.0.0.1:${port}`);
    const tls = { name: 'ca', ca: authority.cert, cert: undefined, key: undefined };
    const presented = { headers: {}, whenAsked: undefined, tls };
    expect(await call('https://receiver.example/', { proxy }, { presented })).toMatchObject({ statusCode: 200 });
    expect(await call('https://other.example/', { proxy }, { presented })).toMatchObject({ error: 'tls' });
    expect(asked.map(({ to }) => to)).toEqual([`${PUBLIC}:443`, `${PUBLIC}:443`]);
  });

  it('is not asked for what policy forbids, by name or by address', async () => {
    const { asked, port } = await startProxy(receiver.port);
    const proxy = new URL(`http://127.0.0.1:${port}`);
    for (const host of ['private.example', '10.0.0.1', '169.254.169.254', '127.0.0.1', '[::1]', '0x7f.1']) {
      expect(await call(`http://${host}/`, { proxy })).toMatchObject({ error: 'address-refused' });
    }
    expect(asked).toEqual([]);
  });

  it('is not used for loopback where that is allowed: it would be the proxy’s own', async () => {
    const { asked, port } = await startProxy(receiver.port);
    const proxy = new URL(`http://127.0.0.1:${port}`);
    expect(await call(receiver.url, { proxy, allowedCidrs: ['127.0.0.0/8'] })).toMatchObject({ statusCode: 200 });
    expect(asked).toEqual([]);
    // Whether or not this machine has the other loopback.
    await call(`http://[::1]:${receiver.port}/`, { proxy, allowedCidrs: ['::1/128'] });
    expect(asked).toEqual([]);
  });

  it('that refuses, is away or speaks no HTTP is an outcome', async () => {
    const refusing = await startProxy(receiver.port, 'HTTP/1.1 403 Forbidden\r\n\r\n');
    const through = (port: number) => call('http://receiver.example/', { proxy: new URL(`http://127.0.0.1:${port}`) });
    expect(await through(refusing.port)).toMatchObject({ error: 'refused' });
    expect(await through(await freePort())).toMatchObject({ error: 'refused' });
    expect(await through(receiver.port)).toMatchObject({ statusCode: null });
    expect(receiver.total).toBe(0);
  });
});

describe('a source address', () => {
  it('is where calls come from', async () => {
    const options = { localAddress: '127.0.0.7', allowedCidrs: ['127.0.0.0/8'] };
    expect(await call(receiver.url, options)).toMatchObject({ statusCode: 200 });
    expect(receiver.calls[0]?.remoteAddress).toBe('127.0.0.7');
  });

  it('of the other family reaches nothing: an outcome', async () => {
    expect(await call('http://receiver.example/', { localAddress: '::1' })).toMatchObject({ error: 'refused' });
  });

  it('that is not of this machine stops the start, by its variable', async () => {
    const config = readDeliveryConfig({ SWITCHHOOK_OUTBOUND_ADDRESS: '192.0.2.1' });
    await expect(openSender(config)).rejects.toThrow(/SWITCHHOOK_OUTBOUND_ADDRESS: must be an address of this machine/);
    const sender = await openSender(readDeliveryConfig({ SWITCHHOOK_OUTBOUND_ADDRESS: '127.0.0.7' }));
    await sender.close();
  });

  it('and a proxy that are none are refused, and a password is not printed', () => {
    const faulty = { SWITCHHOOK_OUTBOUND_ADDRESS: 'eth0', SWITCHHOOK_OUTBOUND_PROXY: 'socks5://user:hidden@x' };
    expect(() => readDeliveryConfig(faulty)).toThrow(
      /OUTBOUND_PROXY: must be a URL[^]*OUTBOUND_ADDRESS: must be an IP/,
    );
    expect(() => readDeliveryConfig(faulty)).not.toThrow(/hidden/);
  });
});

describe('name servers', () => {
  it('that are set are asked for the names of callbacks, in place of this machine’s', async () => {
    const { resolver, asked, close } = await startDnsServer({ 'receiver.example': { addresses: ['127.0.0.1'] } });
    closing.push(close);
    const env = { SWITCHHOOK_DNS_SERVERS: resolver.getServers().join(), SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8' };
    const { send, close: drop } = await openSender(readDeliveryConfig(env));
    closing.push(drop);
    const answer = await send({
      call: { method: 'POST', url: `http://receiver.example:${receiver.port}/`, headers: {}, signingKeyIds: [] },
      body: Buffer.from('{}'),
      timeoutMs: 3_000,
      nonStrictSsl: false,
      allowLoopback: false,
      signal: new AbortController().signal,
    });
    expect(answer).toMatchObject({ statusCode: 200, error: null });
    expect(asked).toContain('A receiver.example');
  });

  it.each(['192.0.2.53', '192.0.2.53:5353, 2001:db8::53', '[2001:db8::53]:5353'])('may be %s', (servers) => {
    expect(() => readDeliveryConfig({ SWITCHHOOK_DNS_SERVERS: servers })).not.toThrow();
  });

  it.each(['ns.example', '192.0.2.53:', '192.0.2.53:0', '192.0.2.53:65536', '[192.0.2.53]:53', '2001:db8::53, ,x'])(
    'may not be %s: the start stops, by the variable',
    (servers) => {
      const faulty = { SWITCHHOOK_DNS_SERVERS: servers };
      expect(() => readDeliveryConfig(faulty)).toThrow(/SWITCHHOOK_DNS_SERVERS: must be a comma list of IP addresses/);
    },
  );
});
