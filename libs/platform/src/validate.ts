import type { Fault } from '@switchhook/contracts';
import type { z } from 'zod';
import { invalid } from './http-errors.js';

/**
 * `value` as `schema` reads it. Throws a 400 that lists every fault by its dotted path, such as `retry.delaysMs[3]`;
 * `faultsPrefix` goes before each path.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  faultsPrefix = '',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap((issue) => faultsOf(issue, faultsPrefix)));
}

/** One fault for each unknown member, so that each is named; one for anything else. */
function faultsOf(issue: z.core.$ZodIssue, prefix: string): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: dottedPath([...issue.path, key], prefix), message: 'is not known' }));
  }
  return [{ field: dottedPath(issue.path, prefix), message: wordsOf(issue) }];
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'is missing';
  return issue.message;
}

/** `['retry', 'delaysMs', 3]` is `retry.delaysMs[3]`; the value itself is `body`. */
function dottedPath(path: readonly PropertyKey[], prefix: string): string {
  const text = path.reduce<string>((before, part) => {
    if (typeof part === 'number') return `${before}[${part}]`;
    return before === '' ? String(part) : `${before}.${String(part)}`;
  }, prefix);
  return text === '' ? 'body' : text;
}
