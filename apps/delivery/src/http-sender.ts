import { LIMITS, type AttemptError, type PreparedCall } from '@switchhook/contracts';
import { addressAllowed } from '@switchhook/domain';
import { Agent, type Dispatcher } from 'undici';
import { ResponseTooLargeError, classifyCallError } from './attempt-error.js';
import { guardedConnector } from './guarded-connector.js';
import type { ResolveHost } from './resolve-host.js';

export interface CallToSend {
  readonly call: PreparedCall;
  readonly body: Buffer;
  /** The whole exchange, from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly nonStrictSsl: boolean;
  /** True for the receiver of our own sample event only. */
  readonly allowLoopback: boolean;
  readonly signal: AbortSignal;
}

export interface CallAnswer {
  readonly statusCode: number | null;
  readonly error: AttemptError | null;
  /** At most 1 KiB. */
  readonly responseBody: string | null;
  readonly retryAfter?: string;
  /** We broke the call off ourselves, because the partition went away: it has no outcome. */
  readonly abandoned: boolean;
}

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

  const dispatcherFor = (nonStrictSsl: boolean, allowLoopback: boolean): Agent => {
    const name = `${nonStrictSsl}/${allowLoopback}`;
    const known = dispatchers.get(name);
    if (known) return known;
    const cidrs = allowLoopback ? [...allowedCidrs, ...LOOPBACK_CIDRS] : allowedCidrs;
    const agent = new Agent({
      connections: connectionsPerOrigin,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The deadline over the whole exchange is ours; undici's coarse timers would only add a second one.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: guardedConnector({
        resolve,
        addressAllowed: (address) => addressAllowed(address, cidrs),
        rejectUnauthorized: !nonStrictSsl,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
      }),
    });
    dispatchers.set(name, agent);
    return agent;
  };

  const send: SendCall = async (request) => {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), request.timeoutMs);
    const abandon = () => deadline.abort();
    request.signal.addEventListener('abort', abandon, { once: true });
    try {
      const dispatcher = dispatcherFor(request.nonStrictSsl, request.allowLoopback);
      return await exchange(dispatcher, request, deadline.signal);
    } catch (error) {
      const timedOut = deadline.signal.aborted && !request.signal.aborted;
      return {
        statusCode: null,
        error: timedOut ? 'timeout' : classifyCallError(error),
        responseBody: null,
        abandoned: request.signal.aborted,
      };
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', abandon);
    }
  };

  const close = async (): Promise<void> => {
    await Promise.all([...dispatchers.values()].map((agent) => agent.destroy()));
  };
  return { send, close };
}

async function exchange(dispatcher: Dispatcher, request: CallToSend, signal: AbortSignal): Promise<CallAnswer> {
  const { origin, pathname, search } = new URL(request.call.url);
  const response = await dispatcher.request({
    origin,
    path: `${pathname}${search}`,
    method: request.call.method,
    headers: request.call.headers,
    body: request.body,
    signal,
  });
  const responseBody = await readAtMost(response.body);
  const retryAfter = response.headers['retry-after'];
  return {
    statusCode: response.statusCode,
    error: response.statusCode >= 300 && response.statusCode < 400 ? 'redirect' : null,
    responseBody,
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
    abandoned: false,
  };
}

/** Reads a body to its end, at most 64 KiB of it, and keeps the first KiB as text. */
async function readAtMost(body: Dispatcher.ResponseData['body']): Promise<string | null> {
  let bytes = 0;
  let kept = Buffer.alloc(0);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (kept.length < LIMITS.responseKeptBytes) {
      kept = Buffer.concat([kept, chunk.subarray(0, LIMITS.responseKeptBytes - kept.length)]);
    }
    bytes += chunk.length;
    if (bytes > LIMITS.responseReadBytes)
      throw new ResponseTooLargeError(`more than ${LIMITS.responseReadBytes} bytes`);
  }
  return kept.length === 0 ? null : kept.toString('utf8');
}
