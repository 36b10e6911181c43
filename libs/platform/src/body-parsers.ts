import { LIMITS } from '@switchhook/contracts';
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

/** An empty body is no body. Throws a 400 that names the place: line and column, from 1. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new HttpFault('malformed', `The body is not JSON: ${placeOf(error, text)}`);
  }
}

/** V8 names the position, or that the text ended; its own words quote the input and are not passed on. */
function placeOf(error: unknown, text: string): string {
  const [, found] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
  const before = text.slice(0, found === undefined ? text.length : Number(found)).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
