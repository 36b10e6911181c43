import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/** Routes that are asked all the time by machines: their successes are worth a line only to who debugs. */
const FREQUENT_ROUTES: ReadonlySet<string> = new Set(['/v2/events', '/metrics']);

/** One line for each request when it has ended. No URL (a query may hold a telephone number), no headers, no body. */
export function addRequestLog(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url;
    const level = levelOf(reply.statusCode, route);
    if (logger.isLevelEnabled(level)) {
      const durationMs = Math.round(reply.elapsedTime * 100) / 100;
      logger[level]({ method: request.method, route, status: reply.statusCode, durationMs }, 'request');
    }
    done();
  });
}

function levelOf(status: number, route: string | undefined): 'debug' | 'info' | 'warn' {
  // What is not ready says so itself; who asks every second shall not fill the log.
  if (route?.startsWith('/health/')) return 'debug';
  if (status >= 500) return 'warn';
  return status < 400 && FREQUENT_ROUTES.has(route ?? '') ? 'debug' : 'info';
}
