import { HEADER, SCHEMA_VERSION, TOPICS, joinParts, type Outcome } from '@switchhook/contracts';
import type { LogRecord, OutgoingRecord } from '@switchhook/event-log';

/** Outcomes that signing decides: the attempt ends before there is a call. */
export type Refusal = Extract<Outcome['outcome'], 'cancelled' | 'expired' | 'exhausted' | 'rejected'>;

/** The outcome of a request that is not signed, with the request's own ids and attributes as headers. */
export function outcomeRecord(requested: LogRecord, refusal: Refusal, reason: string, nowMs: number): OutgoingRecord {
  const outcome: Outcome = { outcome: refusal, at: nowMs, reason };
  const { value, lengths } = joinParts([Buffer.from(JSON.stringify(outcome))]);
  const headers = {
    ...requested.headers,
    [HEADER.outcome]: refusal,
    [HEADER.schema]: String(SCHEMA_VERSION),
    [HEADER.parts]: lengths,
  };
  return { topic: TOPICS.outcomes.name, key: requested.key, value, headers };
}
