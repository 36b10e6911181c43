import { HEADER, headerText, type AttemptIds, type RecordHeaders } from '@switchhook/contracts';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const INTEGER = '0|[1-9]\\d*';
/** In the order of the text: account, event, delivery, webhook, its version, run, number, deferrals, accepted, origin. */
const IDS = new RegExp(
  `^(${INTEGER}) (${UUID}) (${UUID}) (${INTEGER}) (${INTEGER}) (${INTEGER}) (${INTEGER}) (${INTEGER}) (${INTEGER}) (\\d+:\\d+)$`,
);

/** The header that carries `ids` on `requested`, `signed` and `outcomes`; `readAttemptIds` is its inverse. */
export function attemptHeaders(ids: AttemptIds): Record<string, string> {
  const attempt = `${ids.run} ${ids.number} ${ids.deferrals}`;
  const webhook = `${ids.webhookId} ${ids.webhookVersion}`;
  const text = `${ids.accountId} ${ids.eventKey} ${ids.deliveryId} ${webhook} ${attempt} ${ids.acceptedAt} ${ids.origin}`;
  return { [HEADER.ids]: text };
}

/** The ids in the headers of one of our own records. Throws an Error that says what is missing or unreadable. */
export function readAttemptIds(headers: RecordHeaders): AttemptIds {
  const text = headerText(headers, HEADER.ids);
  if (text === undefined) throw new Error(`Header ${HEADER.ids} is missing`);
  return parseAttemptIds(text);
}

/** The same, from the header's text. */
export function parseAttemptIds(text: string): AttemptIds {
  const found = IDS.exec(text);
  if (!found) throw new Error(`Header ${HEADER.ids} is unreadable: "${text.slice(0, 200)}"`);
  return {
    accountId: integer('account', found[1]!, 0),
    eventKey: found[2]!,
    deliveryId: found[3]!,
    webhookId: integer('webhook', found[4]!, 0),
    webhookVersion: integer('webhook version', found[5]!, 1),
    run: integer('run', found[6]!, 0),
    number: integer('number', found[7]!, 1),
    deferrals: integer('deferrals', found[8]!, 0),
    acceptedAt: integer('time of acceptance', found[9]!, 0),
    origin: found[10]!,
  };
}

/** Whether the headers say, readably, which attempt their record is about. */
export function hasAttemptIds(headers: RecordHeaders): boolean {
  try {
    readAttemptIds(headers);
    return true;
  } catch {
    return false;
  }
}

/**
 * The name of an attempt, by which a repeat of it is recognised (correctness.md §1). Joined, because half a million of them are kept:
 * of a template V8 keeps a tree, down to the text of the header that the id was cut from (docs/adr/0048).
 */
export const attemptName = ({ deliveryId, run, number }: Pick<AttemptIds, 'deliveryId' | 'run' | 'number'>): string =>
  [deliveryId, run, number].join('/');

function integer(what: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) {
    throw new Error(`Header ${HEADER.ids}: the ${what} is out of range: "${text}"`);
  }
  return value;
}
