import type { Attempt, Outcome } from '@switchhook/contracts';
import { storableText, type ArchivedRecord } from './archived-record.js';
import { insertion, type Column, type Insertion } from './insertion.js';

/** One row per finished call. `target` is null for one that went to the webhook's callback. */
export const attemptsTable = (schema: string): readonly string[] => [
  `CREATE TABLE ${schema}.attempts (
     delivery_id uuid NOT NULL,
     run integer NOT NULL,
     number integer NOT NULL,
     started_at bigint NOT NULL,
     duration_ms double precision NOT NULL,
     url text NOT NULL,
     status_code bigint,
     error text,
     response_body text,
     body_hash text NOT NULL,
     signing_key_ids json NOT NULL,
     trace_id text NOT NULL,
     target text,
     PRIMARY KEY (delivery_id, run, number))`,
];

interface AttemptRow {
  readonly record: ArchivedRecord;
  readonly attempt: Attempt;
}

const COLUMNS: readonly Column<AttemptRow>[] = [
  { name: 'delivery_id', type: 'uuid', of: ({ record }) => record.deliveryId },
  { name: 'run', type: 'integer', of: ({ record }) => record.run },
  { name: 'number', type: 'integer', of: ({ record }) => record.number },
  { name: 'started_at', type: 'bigint', of: ({ attempt }) => attempt.startedAt },
  { name: 'duration_ms', type: 'double precision', of: ({ attempt }) => attempt.durationMs },
  { name: 'url', type: 'text', of: ({ attempt }) => storableText(attempt.url) },
  { name: 'status_code', type: 'bigint', of: ({ attempt }) => attempt.statusCode },
  { name: 'error', type: 'text', of: ({ attempt }) => attempt.error },
  { name: 'response_body', type: 'text', of: ({ attempt }) => storableText(attempt.responseBody) },
  { name: 'body_hash', type: 'text', of: ({ attempt }) => storableText(attempt.bodyHash) },
  { name: 'signing_key_ids', type: 'json', of: ({ attempt }) => JSON.stringify(attempt.signingKeyIds) },
  { name: 'trace_id', type: 'text', of: ({ attempt }) => storableText(attempt.traceId) },
  { name: 'target', type: 'text', of: ({ attempt }) => storableText(attempt.target ?? null) },
];

const CARRY_ATTEMPT: ReadonlySet<string> = new Set(['attempted', 'succeeded', 'exhausted', 'expired', 'cancelled']);

/**
 * The calls that `records` tell of. A call that was made twice under one name (its outcome was lost in a crash) shows as
 * the first that was told of; both are in the archive.
 */
export function intoAttempts(schema: string, records: readonly ArchivedRecord[]): Insertion {
  const rows: AttemptRow[] = [];
  for (const record of records) {
    if (record.deliveryId === null || record.facts === null || !CARRY_ATTEMPT.has(record.kind)) continue;
    const { attempt } = JSON.parse(record.facts) as Outcome;
    if (attempt) rows.push({ record, attempt });
  }
  // No ORDER BY on purpose: the rows of one name must stay in the order in which they were told.
  return insertion({ into: `${schema}.attempts`, columns: COLUMNS, onConflict: 'DO NOTHING' }, rows);
}
