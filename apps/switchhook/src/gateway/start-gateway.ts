import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createMetrics,
  errorBody,
  loadConfig,
  logRequest,
  openListener,
  Readiness,
  readSettings,
  Url,
  type Closer,
  type HealthBody,
  type HttpFault,
  type Metrics,
  type ProcessOptions,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { createForwarder, type Forwarder } from './forward.js';
import { GATEWAY_SERVICES, OWN_PATHS, routeOf, unrouted, type GatewayService } from './routes.js';

const DEFAULT_PORT = 8080;
const GRACE_MS = 10_000;
/** Nobody is there to answer any more: the number that nginx made customary. */
const CLIENT_CLOSED = 499;
const READY_LIMIT_MS = 2_000;
const READY_POLL_MS = 200;

const OriginsSchema = z.object({
  SUBSCRIPTIONS_URL: Url(['http:', 'https:']).default('http://127.0.0.1:8081'),
  INGESTION_URL: Url(['http:', 'https:']).default('http://127.0.0.1:8082'),
  SIGNING_URL: Url(['http:', 'https:']).default('http://127.0.0.1:8083'),
  DELIVERY_URL: Url(['http:', 'https:']).default('http://127.0.0.1:8084'),
  AUDIT_URL: Url(['http:', 'https:']).default('http://127.0.0.1:8085'),
});

type Origins = Readonly<Record<GatewayService, string>>;

function readOrigins(env: NodeJS.ProcessEnv): Origins {
  const urls = loadConfig(OriginsSchema, env);
  return {
    subscriptions: urls.SUBSCRIPTIONS_URL,
    ingestion: urls.INGESTION_URL,
    signing: urls.SIGNING_URL,
    delivery: urls.DELIVERY_URL,
    audit: urls.AUDIT_URL,
  };
}

/** The gateway as a process; says on stdout when all services behind it are ready. */
export const gatewayProcess = (env: NodeJS.ProcessEnv): ProcessOptions => ({
  name: 'gateway',
  env,
  start: async (logger, closer) => {
    const { url, ready } = await startGateway(env, logger, closer);
    while ((await ready()).status !== 'ok') await pause(READY_POLL_MS);
    process.stdout.write(`Switchhook is ready at ${url}\n`);
  },
});

/**
 * The one origin in front of separate services. It holds no keys and no password: of what services need it reads only
 * PORT, HOST and LOG_LEVEL. Throws `StartError`.
 */
export async function startGateway(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  closer: Closer,
): Promise<{ url: string; ready: () => Promise<HealthBody> }> {
  const { HOST, PORT = DEFAULT_PORT } = readSettings(env, { alone: false });
  const origins = readOrigins(env);
  const ready = (): Promise<HealthBody> => readinessOf(origins);
  const forwarder = createForwarder();
  closer.add('connections to services', async () => forwarder.close());
  const listener = await openListener(HOST, PORT, new Readiness());
  closer.add('HTTP port', () => listener.close(GRACE_MS));
  const parts: GatewayParts = { origins, forwarder, metrics: createMetrics(), ready };
  listener.handOver((request, response) => {
    logWhenEnded(logger, request, response);
    answer(parts, request, response).catch((error: unknown) => {
      logger.error({ err: error }, 'request failed');
      response.destroy();
    });
  });
  const url = `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${listener.port}`;
  logger.info({ url }, 'started');
  return { url, ready };
}

/** One line when the request has ended, as services write it; the service that answers writes its own beside it. */
function logWhenEnded(logger: Logger, request: IncomingMessage, response: ServerResponse): void {
  const startedMs = performance.now();
  response.once('close', () => {
    const { method = 'GET', url = '/' } = request;
    const target = routeOf(method, url);
    const route = target?.path ?? OWN_PATHS.find((path) => path === url.split('?', 1)[0]);
    const status = response.headersSent ? response.statusCode : CLIENT_CLOSED;
    const more = { ...(target && { service: target.service }), ...(!response.writableFinished && { cut: true }) };
    logRequest(logger, { method, route, status, durationMs: performance.now() - startedMs }, more);
  });
}

interface GatewayParts {
  readonly origins: Origins;
  readonly forwarder: Forwarder;
  readonly metrics: Metrics;
  readonly ready: () => Promise<HealthBody>;
}

async function answer(parts: GatewayParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const service = routeOf(method, url)?.service;
  if (service) {
    parts.forwarder.forward(request, response, parts.origins[service], (fault) => refuse(response, fault));
    return;
  }
  if ((method === 'GET' || method === 'HEAD') && (await answerOwn(parts, url, response))) return;
  const none = unrouted.answerFor(method, url);
  if (none.kind === 'options') response.writeHead(204, { allow: none.allow }).end();
  else refuse(response, none.fault);
}

/** Health and metrics of the gateway itself; false when `url` is none of them. */
async function answerOwn(parts: GatewayParts, url: string, response: ServerResponse): Promise<boolean> {
  const path = url.split('?', 1)[0];
  if (path === '/health/live') sendJson(response, 200, { status: 'ok', checks: {} });
  else if (path === '/health/ready') {
    const body = await parts.ready();
    sendJson(response, body.status === 'ok' ? 200 : 503, body);
  } else if (path === '/metrics') {
    const text = await parts.metrics.scrape();
    response.writeHead(200, { 'content-type': parts.metrics.registry.contentType }).end(text);
  } else return false;
  return true;
}

function refuse(response: ServerResponse, fault: HttpFault): void {
  const retry: Record<string, string> = fault.status === 503 ? { 'retry-after': '1' } : {};
  sendJson(response, fault.status, errorBody(fault), { ...retry, ...fault.details.headers });
}

function sendJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** One check for each service: whether it says of itself that it is ready. */
async function readinessOf(origins: Origins): Promise<HealthBody> {
  const reasons = await Promise.all(GATEWAY_SERVICES.map((service) => reasonOf(origins[service])));
  const checks = GATEWAY_SERVICES.map((service, at) => {
    const reason = reasons[at];
    return [service, reason === undefined ? { ok: true } : { ok: false, reason }] as const;
  });
  const ok = reasons.every((reason) => reason === undefined);
  return { status: ok ? 'ok' : 'failing', checks: Object.fromEntries(checks) };
}

async function reasonOf(origin: string): Promise<string | undefined> {
  try {
    const health = await fetch(new URL('/health/ready', origin), { signal: AbortSignal.timeout(READY_LIMIT_MS) });
    await health.body?.cancel();
    return health.ok ? undefined : 'not ready';
  } catch {
    return 'away';
  }
}
