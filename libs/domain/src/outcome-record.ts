import { HEADER, SCHEMA_VERSION, TOPICS, joinParts, type Outcome, type RecordHeaders } from '@switchhook/contracts';

/** What an outcome is about: the headers of the record that led to it, and the event's data in case it is tried again. */
export interface OutcomeSubject {
  /** The webhook id; the event's key where no webhook wanted it. */
  readonly key: string | Buffer | null;
  readonly headers: RecordHeaders;
  readonly data?: Buffer;
}

/** The record on `deliveries.outcomes.v1`. */
export interface OutcomeRecord {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: Buffer;
  readonly headers: RecordHeaders;
}

/**
 * The record for one outcome: ids and the event's attributes as headers, the facts as JSON, and for what is tried again
 * (`attempted`, `deferred`) the event's data behind them. Throws when that is asked for without data.
 */
export function outcomeRecord({ key, headers, data }: OutcomeSubject, outcome: Outcome): OutcomeRecord {
  const facts = Buffer.from(JSON.stringify(outcome));
  const { value, lengths } = joinParts(isTriedAgain(outcome) ? [facts, neededData(data)] : [facts]);
  const { [HEADER.signedAt]: _signedAt, [HEADER.kind]: _kind, ...about } = headers;
  return {
    topic: TOPICS.outcomes.name,
    key,
    value,
    headers: {
      ...about,
      [HEADER.schema]: String(SCHEMA_VERSION),
      [HEADER.outcome]: outcome.outcome,
      [HEADER.parts]: lengths,
    },
  };
}

const isTriedAgain = ({ outcome }: Outcome): boolean => outcome === 'attempted' || outcome === 'deferred';

function neededData(data: Buffer | undefined): Buffer {
  if (!data) throw new Error('an outcome after which the attempt is made again carries the data of the event');
  return data;
}
