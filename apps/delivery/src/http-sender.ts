import { addressAllowed } from '@switchhook/domain';
import { Agent } from 'undici';
import { Exchange, type CallAnswer, type CallToSend } from './exchange.js';
import { guardedConnector } from './guarded-connector.js';
import type { ResolveHost } from './resolve-host.js';

export type { CallAnswer, CallToSend } from './exchange.js';

/** Makes one HTTP call. Never rejects: whatever happens is an answer. */
export type SendCall = (call: CallToSend) => Promise<CallAnswer>;

export interface HttpSenderOptions {
  readonly resolve: ResolveHost;
  /** CIDRs that may be called although they are not public (`SWITCHHOOK_ALLOW_PRIVATE`). */
  readonly allowedCidrs: readonly string[];
  readonly connectionsPerOrigin?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const LOOPBACK_CIDRS = ['127.0.0.0/8', '::1/128'];

export interface HttpSender {
  readonly send: SendCall;
  /** Drops the connections; calls should have ended before. */
  close(): Promise<void>;
}

/**
 * The sender: undici with HTTP/1.1 and kept-alive connections, one dispatcher per kind of TLS check and address policy.
 * Redirects are never followed.
 */
export function httpSender(options: HttpSenderOptions): HttpSender {
  const { resolve, allowedCidrs, connectionsPerOrigin = 128 } = options;
  const dispatchers = new Map<string, Agent>();
  const closers: (() => unknown)[] = [];

  const dispatcherFor = (nonStrictSsl: boolean, allowLoopback: boolean): Agent => {
    const name = `${nonStrictSsl}/${allowLoopback}`;
    const known = dispatchers.get(name);
    if (known) return known;
    const cidrs = allowLoopback ? [...allowedCidrs, ...LOOPBACK_CIDRS] : allowedCidrs;
    const { connect, close } = guardedConnector({
      resolve,
      addressAllowed: (address) => addressAllowed(address, cidrs),
      rejectUnauthorized: !nonStrictSsl,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    const agent = new Agent({
      connections: connectionsPerOrigin,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The deadline over the whole exchange is ours; undici's coarse timers would only add a second one.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect,
    });
    dispatchers.set(name, agent);
    closers.push(() => agent.destroy(), close);
    return agent;
  };

  const send: SendCall = (request) => {
    const exchange = new Exchange(dispatcherFor(request.nonStrictSsl, request.allowLoopback), request);
    exchange.begin();
    return exchange.answer;
  };

  const close = async (): Promise<void> => {
    await Promise.all(closers.map((closer) => closer()));
  };
  return { send, close };
}
