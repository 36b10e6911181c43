import { HEADER, headerText, type AttemptIds, type RecordHeaders } from '@switchhook/contracts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DECIMAL = /^(?:0|[1-9]\d*)$/;
const ORIGIN = /^\d+:\d+$/;

/** The headers that carry `ids` on `requested`, `signed` and `outcomes`; `readAttemptIds` is its inverse. */
export function attemptHeaders(ids: AttemptIds): Record<string, string> {
  return {
    [HEADER.accountId]: String(ids.accountId),
    [HEADER.eventKey]: ids.eventKey,
    [HEADER.deliveryId]: ids.deliveryId,
    [HEADER.webhookId]: String(ids.webhookId),
    [HEADER.webhookVersion]: String(ids.webhookVersion),
    [HEADER.run]: String(ids.run),
    [HEADER.number]: String(ids.number),
    [HEADER.deferrals]: String(ids.deferrals),
    [HEADER.acceptedAt]: String(ids.acceptedAt),
    [HEADER.origin]: ids.origin,
  };
}

/**
 * The ids in the headers of one of our own records.
 * Throws an Error that names the header when one is missing or unreadable; `deferrals` may be absent (0).
 */
export function readAttemptIds(headers: RecordHeaders): AttemptIds {
  return {
    accountId: integer(headers, HEADER.accountId, 0),
    eventKey: textLike(headers, HEADER.eventKey, UUID),
    deliveryId: textLike(headers, HEADER.deliveryId, UUID),
    webhookId: integer(headers, HEADER.webhookId, 0),
    webhookVersion: integer(headers, HEADER.webhookVersion, 1),
    run: integer(headers, HEADER.run, 0),
    number: integer(headers, HEADER.number, 1),
    deferrals: headers[HEADER.deferrals] === undefined ? 0 : integer(headers, HEADER.deferrals, 0),
    acceptedAt: integer(headers, HEADER.acceptedAt, 0),
    origin: textLike(headers, HEADER.origin, ORIGIN),
  };
}

/** The name of an attempt, by which a repeat of it is recognised (correctness.md §1). */
export const attemptName = (ids: Pick<AttemptIds, 'deliveryId' | 'run' | 'number'>): string =>
  `${ids.deliveryId}/${ids.run}/${ids.number}`;

function textLike(headers: RecordHeaders, name: string, pattern: RegExp): string {
  const text = headerText(headers, name);
  if (text === undefined) throw new Error(`Header ${name} is missing`);
  if (!pattern.test(text)) throw new Error(`Header ${name} is unreadable: "${text.slice(0, 100)}"`);
  return text;
}

function integer(headers: RecordHeaders, name: string, min: number): number {
  const text = textLike(headers, name, DECIMAL);
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) throw new Error(`Header ${name} is out of range: "${text}"`);
  return value;
}
