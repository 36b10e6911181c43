import { LIMITS } from '@switchhook/contracts';
import { checkJson } from '@switchhook/domain';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpFault } from './http-errors.js';

/** Paths whose handlers get the body as it was sent (a Buffer), whatever its type: events are bytes. */
const RAW_BODY_ROUTES: ReadonlySet<string> = new Set(['/v2/events', '/v2/actions']);

const takesRawBody = (request: FastifyRequest): boolean => RAW_BODY_ROUTES.has(request.routeOptions.url ?? '');

/** Reads JSON everywhere but on the raw routes; any other type is a 415. Bodies over 4 MiB are a 413 by Fastify's own limit. */
export function addBodyParsers(fastify: FastifyInstance): void {
  const options = { parseAs: 'buffer' as const, bodyLimit: LIMITS.requestBytes };
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', options, async (request: FastifyRequest, body: Buffer) =>
    takesRawBody(request) ? body : parseJson(body),
  );
  fastify.addContentTypeParser<Buffer>('*', options, async (request: FastifyRequest, body: Buffer) => {
    if (takesRawBody(request)) return body;
    if (body.length === 0) return undefined;
    throw new HttpFault('unsupportedType', 'Content-Type must be application/json');
  });
}

/** An empty body is no body. Throws a 400 that names the place, also for nesting beyond the limit. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const wrong = checkJson(body);
  if (wrong !== null) throw new HttpFault('malformed', `The body ${wrong}`);
  return JSON.parse(body.toString('utf8')) as unknown;
}
