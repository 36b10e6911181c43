import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { LogUnavailableError } from '@switchhook/event-log';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { throwError, type Observable } from 'rxjs';
import { ERROR_CODES, HttpFault, errorBody, type ErrorName } from './http-errors.js';
import type { RouteTable } from './route-table.js';

const REALM = 'Basic realm="switchhook", charset="UTF-8"';
const RETRY_AFTER_SECONDS = 1;

/** Answers every error of an HTTP request with CallFire's error body (interfaces.md, "Errors"); only faults of ours are logged. */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly routes: RouteTable,
  ) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | void {
    // What a consumer threw goes on as it was thrown: the log tells a `HoldError` from a failure by it.
    if (host.getType() === 'rpc') return throwError(() => error);
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    this.answer(error, request, http.getResponse<FastifyReply>());
  }

  /** Also for what Fastify refuses before any route is known. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const unrouted =
      request.is404 && isNotFound(error) ? this.routes.answerFor(request.method, request.url) : undefined;
    if (unrouted?.kind === 'options') {
      void reply.status(204).header('allow', unrouted.allow).send();
      return;
    }
    const fault = unrouted?.fault ?? faultOf(error);
    if (fault.status === 500)
      this.logger.error({ err: error, method: request.method, route: request.routeOptions?.url }, 'request failed');
    if (reply.sent || reply.raw.headersSent) return;
    void reply.status(fault.status).headers(headersOf(fault)).send(errorBody(fault));
  }
}

const isNotFound = (error: unknown): boolean => error instanceof HttpException && error.getStatus() === 404;

function headersOf(fault: HttpFault): Record<string, string> {
  const { retryAfterSeconds, headers } = fault.details;
  const waits = fault.status === 429 || fault.status === 503;
  return {
    'content-type': 'application/json; charset=utf-8',
    ...(fault.status === 401 && { 'www-authenticate': REALM }),
    ...(waits && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds ?? RETRY_AFTER_SECONDS))) }),
    ...headers,
  };
}

/** The fault that `error` is to the outside. What we did not foresee is a 500 that says nothing about the inside. */
function faultOf(error: unknown): HttpFault {
  if (error instanceof HttpFault) return error;
  if (error instanceof LogUnavailableError)
    return new HttpFault('logUnavailable', 'The event log is away; send it again');
  const status = statusOf(error);
  const name = status === undefined ? undefined : nameByStatus.get(status);
  if (name === undefined || name === 'internal') return new HttpFault('internal', 'Something went wrong on our side');
  return new HttpFault(name, WORDS[name] ?? ERROR_CODES[name].meaning);
}

/** Of Nest's exceptions and Fastify's errors. Their messages are not passed on: some quote the input. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

const nameByStatus: ReadonlyMap<number, ErrorName> = new Map([
  [400, 'malformed'],
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [404, 'notFound'],
  [405, 'methodNotAllowed'],
  [409, 'conflict'],
  [413, 'tooLarge'],
  [414, 'uriTooLong'],
  [415, 'unsupportedType'],
  [429, 'tooMany'],
  [503, 'unavailable'],
]);

const WORDS: Partial<Record<ErrorName, string>> = {
  malformed: 'The request cannot be read',
  tooLarge: 'The request is over 4 MiB',
};
