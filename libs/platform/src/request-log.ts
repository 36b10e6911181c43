import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/** Routes that are asked all the time by machines: their successes are worth a line only to who debugs. */
const FREQUENT_ROUTES: ReadonlySet<string> = new Set(['/v2/events', '/metrics']);

/** One line for each request when it has ended. No URL (a query may hold a telephone number), no headers, no body. */
export function addRequestLog(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    logRequest(logger, { method, route: routeOptions.url, status: reply.statusCode, durationMs: reply.elapsedTime });
    done();
  });
}

export interface EndedRequest {
  readonly method: string;
  /** The pattern of its path, such as `/v2/webhooks/:id`; undefined when no route fits. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
}

/** The line for one request; `more` is put beside. */
export function logRequest(logger: Logger, request: EndedRequest, more?: Readonly<Record<string, unknown>>): void {
  const level = levelOf(request.status, request.route);
  if (!logger.isLevelEnabled(level)) return;
  const durationMs = Math.round(request.durationMs * 100) / 100;
  logger[level]({ ...request, durationMs, ...more }, 'request');
}

function levelOf(status: number, route: string | undefined): 'debug' | 'info' | 'warn' {
  // What is not ready says so itself; who asks every second shall not fill the log.
  if (route?.startsWith('/health/')) return 'debug';
  if (status >= 500) return 'warn';
  return status < 400 && FREQUENT_ROUTES.has(route ?? '') ? 'debug' : 'info';
}
