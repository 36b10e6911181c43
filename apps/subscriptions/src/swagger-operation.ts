import { refTo, type Schema } from './swagger-schemas.js';

export type Parameter = Readonly<Record<string, unknown>>;

/** An optional parameter of the query. */
export const inQuery = (name: string, type: 'string' | 'integer' | 'boolean' = 'string'): Parameter => ({
  name,
  in: 'query',
  type,
  required: false,
  ...(type === 'integer' && { format: 'int64' }),
});

export const idInPath: Parameter = { name: 'id', in: 'path', type: 'integer', format: 'int64', required: true };

/** What an operation of the document says of itself. */
export interface Operation {
  readonly tag: 'webhooks' | 'me' | 'platform' | 'events' | 'deliveries';
  readonly id: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly consumes?: readonly string[];
  readonly status: 200 | 201 | 202 | 204;
  readonly answer?: Schema;
}

const ERRORS = { 400: 'Bad request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not found', 500: 'Internal error' };

/** In Swagger's words, with CallFire's errors. */
export function operation(given: Operation): Schema {
  const { tag, id: operationId, summary, parameters, consumes, status, answer } = given;
  const errors = Object.entries(ERRORS).map(([code, description]) => [
    code,
    { description, schema: refTo('ErrorResponse') },
  ]);
  return {
    tags: [tag],
    operationId,
    summary,
    parameters,
    ...(consumes && { consumes }),
    responses: { [status]: { description: summary, ...(answer && { schema: answer }) }, ...Object.fromEntries(errors) },
    security: [{ basicAuth: [] }],
  };
}
