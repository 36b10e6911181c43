import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { HttpFault } from '@switchhook/platform';

/** Meant for one connection only (RFC 9110 §7.6.1); `expect` is answered by our own server. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];
const ANSWER_LIMIT_MS = 60_000;

/** Passes requests on; `close` ends the connections that are kept for the next one. */
export interface Forwarder {
  /** Streams `request` to `origin` and its answer back, bytes untouched. `onAway` gets a 503 while nothing was answered. */
  forward(request: IncomingMessage, response: ServerResponse, origin: string, onAway: (fault: HttpFault) => void): void;
  close(): void;
}

/** A service has `answerLimitMs` to answer, and between two parts of its answer. */
export function createForwarder(answerLimitMs = ANSWER_LIMIT_MS): Forwarder {
  const plain = new Agent({ keepAlive: true });
  const tls = new TlsAgent({ keepAlive: true });
  return {
    forward: (request, response, origin, onAway) => {
      const { method, url = '/' } = request;
      const to = new URL(origin);
      const secure = to.protocol === 'https:';
      const upstream = (secure ? httpsRequest : httpRequest)({
        ...{
          method,
          path: url,
          hostname: to.hostname.replace(/^\[|\]$/g, ''),
          port: to.port,
          timeout: answerLimitMs,
        },
        agent: secure ? tls : plain,
        headers: requestHeaders(request),
      });
      upstream.on('timeout', () => upstream.destroy(new Error('no answer in time')));
      upstream.on('error', () => {
        // An answer that has begun ends with its connection.
        if (!response.headersSent && !response.destroyed)
          onAway(new HttpFault('unavailable', 'The service that answers this is away'));
      });
      upstream.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer));
        pipeline(answer, response, () => undefined);
      });
      response.on('close', () => upstream.destroy());
      request.pipe(upstream);
    },
    close: () => {
      plain.destroy();
      tls.destroy();
    },
  };
}

/** A body of unknown length stays one. */
const requestHeaders = (request: IncomingMessage): string[] => [
  ...endToEnd(request),
  ...(request.headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked']),
];

/** Names and values as they came, without those for this connection and those that `connection` names. */
function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (!dropped.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
