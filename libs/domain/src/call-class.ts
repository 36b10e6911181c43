import type { AttemptError } from '@switchhook/contracts';

/** What a call came to: the rows of a profile's table of outcomes. */
export type CallClass =
  | AttemptError
  | 'success'
  | 'request-timeout'
  | 'gone'
  | 'too-early'
  | 'too-many-requests'
  | 'client-error'
  | 'server-error'
  | 'unexpected-status';

/** What follows: `end` gives this URL up for this delivery; `disable` does, and disables the webhook. */
export type Consequence = 'succeed' | 'retry' | 'end' | 'disable';

/** Client errors with a meaning of their own (RFC 9110 §15.5, RFC 6585 §4, RFC 8470 §5.2). */
const NAMED_STATUSES: ReadonlyMap<number, CallClass> = new Map([
  [408, 'request-timeout'],
  [410, 'gone'],
  [425, 'too-early'],
  [429, 'too-many-requests'],
]);

/** The row of the table for a call: its error where it had one, else what its status code means where it is no success. */
export function classOfCall(
  { statusCode, error }: { readonly statusCode: number | null; readonly error: AttemptError | null },
  accepts: (statusCode: number) => boolean,
): CallClass {
  if (error !== null) return error;
  if (statusCode === null) return 'protocol';
  if (accepts(statusCode)) return 'success';
  if (statusCode >= 300 && statusCode <= 399) return 'redirect';
  if (statusCode >= 400 && statusCode <= 499) return NAMED_STATUSES.get(statusCode) ?? 'client-error';
  return statusCode >= 500 && statusCode <= 599 ? 'server-error' : 'unexpected-status';
}
