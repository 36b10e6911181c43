import { PreparedCallSchema, splitParts, type AttemptIds, type PreparedCall } from '@switchhook/contracts';
import { attemptName, readAttemptIds } from '@switchhook/domain';
import type { LogRecord } from '@switchhook/event-log';
import type { LaneJob } from './lanes.js';

/** A record of `deliveries.signed`, opened: the call to make, and the event's data in case it is made again. */
export interface SignedDelivery extends LaneJob {
  readonly record: LogRecord;
  readonly ids: AttemptIds;
  /** `<deliveryId>/<run>/<number>`. */
  readonly name: string;
  readonly call: PreparedCall;
  readonly body: Buffer;
  readonly data: Buffer;
}

/** Opens a signed record. Throws when it is not one as signing writes it; the message says what is wrong. */
export function readSigned(record: LogRecord): SignedDelivery {
  const ids = readAttemptIds(record.headers);
  const [facts, body, data] = splitParts(record.value ?? Buffer.alloc(0), record.headers);
  if (!facts || !body || !data) throw new Error('a signed record has three parts: the call, its body and the data');
  return {
    record,
    ids,
    name: attemptName(ids),
    call: PreparedCallSchema.parse(JSON.parse(facts.toString('utf8'))),
    body,
    data,
    accountId: ids.accountId,
    webhookId: ids.webhookId,
    partition: record.partition,
    bytes: record.value?.length ?? 0,
  };
}
