import {
  HEADER,
  LIMITS,
  SCHEMA_VERSION,
  TOPICS,
  headerText,
  joinParts,
  type AttemptIds,
  type PartRange,
  type PreparedCall,
  type Webhook,
} from '@switchhook/contracts';
import { attemptHeaders, profileOf, targetOf, urlOf } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';
import type { Requested } from './requested.js';
import type { Keys } from './signing-keys.js';

const USER_AGENT = 'Switchhook/1';

/** The body is over its limit: the delivery ends as `exhausted`, reason `too-large` (correctness.md §8). */
export interface TooLarge {
  readonly tooLarge: number;
}

/** Renders and signs: the record of `deliveries.signed.v1`. What is signed here is, byte for byte, what will be sent. */
export function prepareCall(
  { record, ids, event }: Requested,
  webhook: Webhook,
  { keys, keyIds }: Keys,
  nowMs: number,
): OutgoingRecord | TooLarge {
  const profile = profileOf(webhook.profile);
  const { deliveryId } = ids;
  const body = profile.render({ event, webhook, deliveryId });
  if (body.length > LIMITS.renderedBodyBytes) return { tooLarge: body.length };
  const call: PreparedCall = {
    method: 'POST',
    url: urlOf(webhook, targetOf(webhook, record.headers)),
    headers: {
      'user-agent': USER_AGENT,
      ...profile.sign({ body, webhook, deliveryId, keys, nowMs }),
      ...ownHeaders(ids, webhook, headerText(record.headers, HEADER.traceparent)),
    },
    signingKeyIds: [...keyIds],
  };
  const { value, lengths } = joinParts([Buffer.from(JSON.stringify(call)), body, dataWithin(body, event.data)]);
  const headers = {
    ...record.headers,
    ...attemptHeaders({ ...ids, webhookVersion: webhook.version }),
    [HEADER.signedAt]: String(nowMs),
    [HEADER.schema]: String(SCHEMA_VERSION),
    [HEADER.parts]: lengths,
  };
  return { topic: TOPICS.signed.name, key: String(webhook.id), value, headers };
}

/** The data is needed to make the attempt again; where the body holds it as it came, it need not travel twice. */
function dataWithin(body: Buffer, data: Buffer): Buffer | PartRange {
  const offset = data.length > 0 ? body.indexOf(data) : -1;
  return offset < 0 ? data : { offset, length: data.length };
}

/** What every call carries, whatever its profile (interfaces.md, "A delivery"). */
function ownHeaders(
  { deliveryId, number, run, origin }: AttemptIds,
  { ordering }: Webhook,
  traceparent: string | undefined,
): Record<string, string> {
  return {
    'switchhook-delivery': deliveryId,
    'switchhook-attempt': run === 0 ? String(number) : `${number};run=${run}`,
    ...(ordering === 'key' && { 'switchhook-sequence': origin.split(':')[1] ?? '' }),
    ...(traceparent !== undefined && { traceparent }),
  };
}
