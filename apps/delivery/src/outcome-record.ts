import { HEADER, SCHEMA_VERSION, TOPICS, joinParts, type Outcome, type RecordHeaders } from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';

/** What an outcome is about: the headers of the signed or requested record, and the data to try again with. */
export interface OutcomeSubject {
  readonly webhookId: number;
  readonly headers: RecordHeaders;
  readonly data: Buffer;
}

/**
 * The record on `deliveries.outcomes` for one outcome: ids and the event's attributes as headers, the facts as JSON, and
 * for what is tried again the event's data behind them.
 */
export function outcomeRecord(subject: OutcomeSubject, outcome: Outcome): OutgoingRecord {
  const facts = Buffer.from(JSON.stringify(outcome));
  const triedAgain = outcome.outcome === 'attempted' || outcome.outcome === 'deferred';
  const { value, lengths } = joinParts(triedAgain ? [facts, subject.data] : [facts]);
  const { [HEADER.signedAt]: _signedAt, ...headers } = subject.headers;
  return {
    topic: TOPICS.outcomes.name,
    key: String(subject.webhookId),
    value,
    headers: {
      ...headers,
      [HEADER.schema]: String(SCHEMA_VERSION),
      [HEADER.outcome]: outcome.outcome,
      [HEADER.parts]: lengths,
    },
  };
}
