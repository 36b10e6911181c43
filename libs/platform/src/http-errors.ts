import type { Fault, HttpErrorBody } from '@switchhook/contracts';

export interface ErrorCode {
  readonly status: number;
  readonly number: number;
  readonly meaning: string;
}

/**
 * Every error that `/v2` answers. `internalCode` = status × 100 + number (interfaces.md, "Errors"); `/docs` prints this table.
 * Numbers are promises: add, never renumber.
 */
export const ERROR_CODES = {
  invalid: { status: 400, number: 1, meaning: 'A member or parameter is missing, unknown or has a wrong value' },
  malformed: { status: 400, number: 2, meaning: 'The body or the URL cannot be read' },
  badAccountHeader: { status: 400, number: 3, meaning: 'Switchhook-Account is no account id' },
  unauthenticated: { status: 401, number: 1, meaning: 'No credentials, or wrong, disabled, expired or deleted ones' },
  forbidden: { status: 403, number: 1, meaning: 'The credential may not do that' },
  otherAccount: { status: 403, number: 2, meaning: 'The credential belongs to another account' },
  notFound: { status: 404, number: 1, meaning: 'There is nothing under that path' },
  unknownId: { status: 404, number: 2, meaning: 'No such resource in this account' },
  methodNotAllowed: { status: 405, number: 1, meaning: 'The path has other methods, see Allow' },
  conflict: { status: 409, number: 1, meaning: 'The state of the resource does not allow that' },
  tooLarge: { status: 413, number: 1, meaning: 'The request or a part of it is over its limit' },
  uriTooLong: { status: 414, number: 1, meaning: 'A part of the path is too long' },
  unsupportedType: { status: 415, number: 1, meaning: 'That content type is not read here' },
  tooMany: { status: 429, number: 1, meaning: 'Too many requests, see Retry-After' },
  internal: { status: 500, number: 1, meaning: 'A fault of ours; it is in our log' },
  unavailable: { status: 503, number: 1, meaning: 'Not ready, see Retry-After' },
  logUnavailable: { status: 503, number: 2, meaning: 'The event log does not acknowledge, see Retry-After' },
  notYetRelayed: { status: 503, number: 3, meaning: 'The change stands and will be relayed, see developerMessage' },
} as const satisfies Record<string, ErrorCode>;

export type ErrorName = keyof typeof ERROR_CODES;

export interface HttpFaultDetails {
  /** For developers: more than `message` says. Never a secret. */
  readonly developerMessage?: string;
  readonly faults?: readonly Fault[];
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is an error: thrown by use cases and controllers, turned into CallFire's error body by the filter. */
export class HttpFault extends Error {
  constructor(
    readonly code: ErrorName,
    message: string,
    readonly details: HttpFaultDetails = {},
  ) {
    super(message);
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** A 400 that lists `faults` (at least one); its message begins with the first field. */
export function invalid(faults: readonly Fault[]): HttpFault {
  const [first] = faults;
  const message = first ? `${first.field} ${first.message}` : 'The request is invalid';
  return new HttpFault('invalid', message, { faults });
}

/** Most faults that one answer lists: a batch may hold thousands. */
const LISTED_FAULTS = 100;

/** The body of the answer for `fault`. */
export function errorBody(fault: HttpFault): HttpErrorBody {
  const { status, number, meaning } = ERROR_CODES[fault.code];
  const { faults, developerMessage } = fault.details;
  return {
    httpStatusCode: status,
    internalCode: status * 100 + number,
    message: fault.message,
    developerMessage: developerMessage ?? meaning,
    helpLink: `/docs#error-${status * 100 + number}`,
    ...(faults && { errors: faults.slice(0, LISTED_FAULTS).map((each) => ({ ...each })) }),
  };
}
