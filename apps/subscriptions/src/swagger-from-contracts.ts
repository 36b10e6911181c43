import { z } from 'zod';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * Definitions from the one declaration of what is answered. Swagger 2.0 knows no null, so that takes `x-nullable`; what a
 * client need not know (our own bounds of numbers and ids, that nothing else is there today) is left out.
 */
export function definitionsOf<const Name extends string>(
  schemas: Readonly<Record<Name, z.ZodType>>,
): Record<Name, Readonly<Record<string, unknown>>> {
  const registry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries<z.ZodType>(schemas)) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, { target: 'openapi-3.0', uri: (id) => `#/definitions/${id}` });
  return inSwagger(made.schemas as unknown as Json) as Record<Name, Readonly<Record<string, unknown>>>;
}

function inSwagger(json: Json): Json {
  if (Array.isArray(json)) return json.map(inSwagger);
  if (json === null || typeof json !== 'object') return json;
  const { $id: _id, pattern: _pattern, minimum: _minimum, maximum: _maximum, nullable, ...rest } = json;
  if (rest['additionalProperties'] === false) delete rest['additionalProperties'];
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, inSwagger(part)])),
    ...(json['type'] === 'integer' && { format: 'int64' }),
    ...(nullable === true && { 'x-nullable': true }),
  };
}
