import { createHash } from 'node:crypto';
import { HEADER, headerText, type AttemptIds, type RecordHeaders, type Webhook } from '@switchhook/contracts';
import { parseAttributes } from '@switchhook/domain';

/** Where a delivery stands in the order of its subject. */
export interface PlaceInOrder {
  /** The subject, or its hash where it is too long for an index. */
  readonly subject: string;
  /** Position of the event on the log. */
  readonly sequence: number;
}

const SUBJECT_BYTES_MAX = 256;

/** The key by which the order of a subject is kept; undefined for an event without one, which is in no order. */
export function subjectKey(headers: RecordHeaders): string | undefined {
  const text = headerText(headers, HEADER.attributes);
  const subject = text === undefined ? undefined : parseAttributes(text).subject;
  if (subject === undefined || Buffer.byteLength(subject) <= SUBJECT_BYTES_MAX) return subject;
  return createHash('sha256').update(subject).digest('base64url');
}

/** The place of a delivery that is in the order of its webhook; replays (other runs) are outside of it. */
export function placeInOrder(
  webhook: Pick<Webhook, 'ordering'> | undefined,
  ids: Pick<AttemptIds, 'run' | 'origin'>,
  headers: RecordHeaders,
): PlaceInOrder | undefined {
  if (webhook?.ordering !== 'key' || ids.run !== 0) return undefined;
  const subject = subjectKey(headers);
  return subject === undefined ? undefined : { subject, sequence: Number(ids.origin.split(':')[1]) };
}
