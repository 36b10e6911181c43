import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { eventually } from './eventually.js';
import { play, type Behaviour } from './receiver-behaviour.js';

/** One call as it arrived: `body` is the bytes before anybody read them as text. */
export interface ReceivedCall {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, in the order and the case in which they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly receivedAtMs: number;
  /** Tells connections apart. */
  readonly remotePort: number;
  readonly remoteAddress: string;
}

/** What a receiver answers, decided per call (asynchronously, to hold calls back). */
export type Responder = (call: ReceivedCall) => Behaviour | Promise<Behaviour>;

/** How a receiver runs. */
export interface ReceiverOptions {
  /** `counts` remembers only how often each `webhook-id` came: for runs of hundreds of thousands of calls. */
  readonly keep?: 'calls' | 'counts';
  /** At first; 200 unless told. */
  readonly behaviour?: Behaviour | Responder;
  /** Key, certificate and client-certificate wishes of an HTTPS receiver. */
  readonly tls?: Pick<
    ServerOptions,
    'key' | 'cert' | 'ca' | 'requestCert' | 'rejectUnauthorized' | 'minVersion' | 'maxVersion' | 'ciphers'
  >;
  readonly port?: number;
}

/** A customer's server, for real: it listens on 127.0.0.1, keeps what it gets and answers as it is told. */
export interface Receiver {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** All calls in the order of their last byte; empty with `keep: 'counts'`. */
  readonly calls: readonly ReceivedCall[];
  /** How many calls carried each `webhook-id`; with `keep: 'counts'` that is all there is. */
  readonly counts: ReadonlyMap<string, number>;
  /** Calls of any kind so far. */
  readonly total: number;
  /** Requests that are held or being answered now, and the most there were at once. */
  readonly inFlight: number;
  readonly inFlightMax: number;
  /** From now on. */
  respond(behaviour: Behaviour | Responder): void;
  /** For the next calls, one each; then as `respond` said. */
  respondNext(...behaviours: readonly Behaviour[]): void;
  /** Resolves with the calls when there are at least `count`; throws after `timeoutMs` (10 s unless told). */
  waitForCalls(count: number, options?: { timeoutMs?: number }): Promise<readonly ReceivedCall[]>;
  /** Forgets what came. */
  clear(): void;
  /** Stops at once, held calls too. */
  close(): Promise<void>;
}

/** Starts a receiver on a free port of 127.0.0.1 (or on `port`). */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const server: Server = options.tls ? createTlsServer(options.tls) : createServer();
  server.keepAliveTimeout = 60_000;
  server.listen(options.port ?? 0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return new HttpReceiver(server, options);
}

class HttpReceiver implements Receiver {
  readonly url: string;
  readonly port: number;
  readonly calls: ReceivedCall[] = [];
  readonly counts = new Map<string, number>();
  total = 0;
  inFlight = 0;
  inFlightMax = 0;
  private readonly next: Behaviour[] = [];
  private lasting: Responder;

  constructor(
    private readonly server: Server,
    private readonly options: ReceiverOptions,
  ) {
    this.port = (server.address() as AddressInfo).port;
    this.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
    this.lasting = asResponder(options.behaviour ?? 200);
    server.on('request', (request, response) => this.receive(request, response));
  }

  respond(behaviour: Behaviour | Responder): void {
    this.lasting = asResponder(behaviour);
  }

  respondNext(...behaviours: readonly Behaviour[]): void {
    this.next.push(...behaviours);
  }

  async waitForCalls(count: number, { timeoutMs = 10_000 } = {}): Promise<readonly ReceivedCall[]> {
    await eventually(
      () => {
        if (this.total < count) throw new Error(`${this.total} of ${count} calls arrived within ${timeoutMs} ms`);
      },
      { timeoutMs },
    );
    return this.calls;
  }

  clear(): void {
    this.calls.length = 0;
    this.counts.clear();
    this.total = 0;
    this.inFlightMax = this.inFlight;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private receive(request: IncomingMessage, response: ServerResponse): void {
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    response.once('close', () => (this.inFlight -= 1));
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void this.answer(this.note(request, chunks), response));
    request.on('error', () => response.destroy());
  }

  private note(request: IncomingMessage, chunks: readonly Buffer[]): ReceivedCall {
    const call: ReceivedCall = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks),
      receivedAtMs: Date.now(),
      remotePort: request.socket.remotePort ?? 0,
      remoteAddress: request.socket.remoteAddress ?? '',
    };
    this.total += 1;
    if (this.options.keep !== 'counts') this.calls.push(call);
    const id = request.headers['webhook-id'];
    if (typeof id === 'string') this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    return call;
  }

  private async answer(call: ReceivedCall, response: ServerResponse): Promise<void> {
    await play(this.next.shift() ?? (await this.lasting(call)), response);
  }
}

function asResponder(behaviour: Behaviour | Responder): Responder {
  return typeof behaviour === 'function' ? behaviour : () => behaviour;
}
