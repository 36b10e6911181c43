import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpFault, errorBody } from './http-errors.js';
import type { Readiness } from './readiness.js';
import { StartError } from './start-error.js';

/** A port that answers from the first moment: health by itself, everything else once it was handed over. */
export interface Listener {
  readonly server: Server;
  readonly port: number;
  /** From now on `handler` answers. */
  handOver(handler: RequestListener): void;
  /** Takes no new connection, lets requests under way finish for at most `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Listens on `host:port` (0: a free one). Throws `StartError`. */
export async function openListener(host: string, port: number, readiness: Readiness): Promise<Listener> {
  let handler: RequestListener = (request, response) => answerWhileStarting(request.url ?? '', readiness, response);
  const server = createServer((request, response) => {
    // A client that is answered while we stop shall not send the next request down the same connection.
    response.shouldKeepAlive &&= server.listening;
    handler(request, response);
  });
  await listen(server, host, port);
  return {
    server,
    port: (server.address() as AddressInfo).port,
    handOver: (next) => void (handler = next),
    close: (graceMs) => closeServer(server, graceMs),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new StartError(`Port ${port} on ${host} is in use; set PORT to another one (0: any free one)`);
  }
  if (error.code === 'EACCES')
    return new StartError(`Port ${port} on ${host} needs more rights; set PORT to another one`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new StartError(`This machine has no address "${host}"; see HOST`);
  }
  return error;
}

function answerWhileStarting(url: string, readiness: Readiness, response: ServerResponse): void {
  const path = url.split('?', 1)[0];
  if (path === '/health/live') return send(response, 200, { status: 'ok', checks: {} });
  if (path === '/health/ready') return send(response, 503, readiness.report());
  const fault = new HttpFault('unavailable', 'Starting');
  send(response, fault.status, errorBody(fault), { 'retry-after': '1' });
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}
