import { once } from 'node:events';
import {
  createServer,
  request as startRequest,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { eventually } from '@switchhook/testing';
import { afterEach, expect, it } from 'vitest';
import { createForwarder, type Forwarder } from './forward.js';

const servers: Server[] = [];
const forwarders: Forwarder[] = [];

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** A gateway of nothing but a forwarder before one service; answers with what begins a request to it. */
async function before(service: RequestListener, answerLimitMs?: number) {
  const origin = `http://127.0.0.1:${await listen(service)}`;
  const forwarder = createForwarder(answerLimitMs);
  forwarders.push(forwarder);
  const port = await listen((request, response) =>
    forwarder.forward(request, response, origin, ({ status }) => response.writeHead(status).end()),
  );
  return (options: RequestOptions) => startRequest({ host: '127.0.0.1', port, agent: false, ...options });
}

const answerTo = async (call: ReturnType<typeof startRequest>): Promise<IncomingMessage> => {
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  return answer;
};

afterEach(() => {
  for (const forwarder of forwarders.splice(0)) forwarder.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

it('headers that are meant for one connection stay there, on the way there and back', async () => {
  const seen: string[] = [];
  const begin = await before((request, response) => {
    seen.push(...Object.keys(request.headers));
    response.writeHead(200, { trailer: 'x-later', 'keep-alive': 'timeout=77', 'x-own': '1' }).end();
  });
  const headers = {
    te: 'trailers',
    'proxy-connection': 'x',
    connection: 'x-named, close',
    'x-named': '1',
    'x-kept': '1',
  };
  const answer = await answerTo(begin({ headers }).end());
  expect(seen).toContain('x-kept');
  for (const name of ['te', 'proxy-connection', 'x-named']) expect(seen).not.toContain(name);
  expect(answer.headers).toMatchObject({ 'x-own': '1' });
  expect(answer.headers['trailer']).toBeUndefined();
  expect(answer.headers['keep-alive']).not.toBe('timeout=77');
  answer.resume();
});

it('a body of unknown length arrives, also with a method that seldom has one', async () => {
  const begin = await before((request, response) => {
    void buffer(request).then((body) => response.end(`${request.headers['transfer-encoding']} ${body}`));
  });
  const call = begin({ method: 'DELETE', headers: { 'transfer-encoding': 'chunked' } });
  call.write('a body ');
  call.end('in two parts');
  expect(await text(await answerTo(call))).toBe('chunked a body in two parts');
});

it('a service that does not answer in time counts as away', async () => {
  const begin = await before(() => undefined, 50);
  const answer = await answerTo(begin({}).end());
  expect(answer.statusCode).toBe(503);
  answer.resume();
});

it('half an answer is not made to look whole', async () => {
  const begin = await before((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  });
  const answer = await answerTo(begin({}).end());
  await expect(text(answer)).rejects.toThrow('aborted');
});

it.each(['before', 'while'])('whoever goes away %s it is answered ends the request behind as well', async (when) => {
  const seen = { isBegun: false, isEnded: false };
  const begin = await before((request, response) => {
    seen.isBegun = true;
    response.on('close', () => (seen.isEnded = true));
    request.resume();
    if (when === 'while') response.writeHead(200).write('the beginning');
  });
  const call = begin({}).end();
  call.on('error', () => undefined);
  if (when === 'while') (await answerTo(call)).on('error', () => undefined);
  else await eventually(() => expect(seen.isBegun).toBe(true));
  call.destroy();
  await eventually(() => expect(seen.isEnded).toBe(true));
});
