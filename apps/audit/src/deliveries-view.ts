import { HEADER, TERMINAL_OUTCOMES, type Outcome, type OutcomeName } from '@switchhook/contracts';
import type { EntityManager } from 'typeorm';
import { archivedHeaderText, storableText, type ArchivedRecord } from './archived-record.js';
import { unnestRows, type Column } from './unnest.js';

/** One row per delivery, as it stands now. `rank` says which of two states is the later one. */
export const deliveriesTable = (schema: string): readonly string[] => [
  `CREATE TABLE ${schema}.deliveries (
     id uuid PRIMARY KEY,
     event_key uuid NOT NULL,
     account_id bigint NOT NULL,
     webhook_id bigint NOT NULL,
     event_id text,
     source text,
     event_type text,
     subject text,
     created_at bigint NOT NULL,
     rank bigint NOT NULL,
     status text NOT NULL,
     reason text,
     next_attempt_at bigint,
     finished_at bigint) WITH (fillfactor = 80)`,
  `CREATE INDEX deliveries_newest ON ${schema}.deliveries (account_id, created_at, id)`,
  `CREATE INDEX deliveries_webhook ON ${schema}.deliveries (account_id, webhook_id, created_at, id)`,
  `CREATE INDEX deliveries_event ON ${schema}.deliveries (account_id, event_id)`,
  `CREATE INDEX deliveries_type ON ${schema}.deliveries (account_id, event_type, created_at, id)`,
  `CREATE INDEX deliveries_subject ON ${schema}.deliveries (account_id, subject, created_at, id) WHERE subject IS NOT NULL`,
  // Nearly every delivery succeeds: the index for searches of the others stays small.
  `CREATE INDEX deliveries_status ON ${schema}.deliveries (account_id, status, created_at, id) WHERE status <> 'succeeded'`,
];

type DeliveryStatus = 'pending' | 'deferred' | 'succeeded' | 'exhausted' | 'expired' | 'cancelled' | 'rejected';

interface DeliveryState {
  readonly rank: bigint;
  readonly status: DeliveryStatus;
  readonly reason: string | null;
  readonly nextAttemptAt: number | null;
  readonly finishedAt: number | null;
}

interface DeliveryRow {
  readonly record: ArchivedRecord;
  readonly state: DeliveryState;
}

const header = (name: string) => (row: DeliveryRow) => storableText(archivedHeaderText(row.record.headers, name));

const COLUMNS: readonly Column<DeliveryRow>[] = [
  { name: 'id', type: 'uuid', of: ({ record }) => record.deliveryId },
  { name: 'event_key', type: 'uuid', of: ({ record }) => record.eventKey },
  { name: 'account_id', type: 'bigint', of: ({ record }) => record.accountId },
  { name: 'webhook_id', type: 'bigint', of: ({ record }) => record.webhookId },
  { name: 'event_id', type: 'text', of: header('ce_id') },
  { name: 'source', type: 'text', of: header('ce_source') },
  { name: 'event_type', type: 'text', of: header('ce_type') },
  { name: 'subject', type: 'text', of: header('ce_subject') },
  { name: 'created_at', type: 'bigint', of: header(HEADER.acceptedAt) },
  { name: 'rank', type: 'bigint', of: ({ state }) => state.rank.toString() },
  { name: 'status', type: 'text', of: ({ state }) => state.status },
  { name: 'reason', type: 'text', of: ({ state }) => storableText(state.reason) },
  { name: 'next_attempt_at', type: 'bigint', of: ({ state }) => state.nextAttemptAt },
  { name: 'finished_at', type: 'bigint', of: ({ state }) => state.finishedAt },
];

const FILLED = ['event_id', 'source', 'event_type', 'subject'];
const REPLACED = ['status', 'reason', 'next_attempt_at', 'finished_at'];

const MERGE = [
  ...FILLED.map((name) => `${name} = coalesce(d.${name}, excluded.${name})`),
  ...REPLACED.map((name) => `${name} = CASE WHEN excluded.rank > d.rank THEN excluded.${name} ELSE d.${name} END`),
  'rank = greatest(d.rank, excluded.rank)',
].join(', ');

/** Applies what `records` say about deliveries: attempts to make, and what came of them. */
export async function applyToDeliveries(
  manager: EntityManager,
  schema: string,
  records: readonly ArchivedRecord[],
): Promise<void> {
  const rows = new Map<string, DeliveryRow>();
  for (const record of records) {
    const state = record.deliveryId === null ? undefined : stateAfter(record);
    if (!state) continue;
    const known = rows.get(record.deliveryId!);
    rows.set(record.deliveryId!, known ? merged(known, { record, state }) : { record, state });
  }
  if (rows.size === 0) return;
  const { names, from, values } = unnestRows(COLUMNS, [...rows.values()]);
  await manager.query(
    `INSERT INTO ${schema}.deliveries AS d (${names}) SELECT ${names} FROM ${from} ORDER BY id
     ON CONFLICT (id) DO UPDATE SET ${MERGE}
     WHERE excluded.rank > d.rank OR (d.event_id IS NULL AND excluded.event_id IS NOT NULL)`,
    values,
  );
}

/** Of two rows of one delivery in one batch: the later state, and the record that names the event. The same rule as `MERGE`. */
const merged = (known: DeliveryRow, next: DeliveryRow): DeliveryRow => ({
  record: archivedHeaderText(known.record.headers, 'ce_id') === null ? next.record : known.record,
  state: next.state.rank > known.state.rank ? next.state : known.state,
});

/** The state that a delivery has after `record`; undefined where it says nothing about that. */
function stateAfter(record: ArchivedRecord): DeliveryState | undefined {
  if (record.kind === 'requested') {
    return {
      rank: rankOf(record, PHASE.requested),
      status: 'pending',
      reason: null,
      nextAttemptAt: null,
      finishedAt: null,
    };
  }
  if (record.kind === 'attempted' || record.kind === 'deferred') {
    const { nextAttemptAt = null, reason = null } = JSON.parse(record.facts!) as Outcome;
    const status = record.kind === 'deferred' ? 'deferred' : 'pending';
    return { rank: rankOf(record, PHASE[record.kind]), status, reason, nextAttemptAt, finishedAt: null };
  }
  if (!TERMINAL_OUTCOMES.has(record.kind as OutcomeName)) return undefined;
  const { at, reason = null } = JSON.parse(record.facts!) as Outcome;
  const status = record.kind as DeliveryStatus;
  return { rank: terminalRankOf(record), status, reason, nextAttemptAt: null, finishedAt: at };
}

/** What happens to one attempt, in this order. A deferral is counted only on the request that follows it. */
const PHASE = { requested: 0n, deferred: 1n, attempted: 2n } as const;

const DEFERRALS_MAX = 2 ** 24 - 1;
const NUMBER_MAX = 2 ** 12 - 1;
const RUN_MAX = 2 ** 22 - 1;

/**
 * A number that rises with the life of a delivery: run, whether the run has ended, attempt, deferrals, phase (22, 1, 12, 24
 * and 2 bits). The end of a run counts the same whatever led to it, so the first end stays and only another run follows.
 */
function rankOf(record: ArchivedRecord, phase: bigint): bigint {
  const deferrals = Number(archivedHeaderText(record.headers, HEADER.deferrals) ?? 0);
  const number = BigInt(Math.min(record.number!, NUMBER_MAX));
  return runBits(record) | (number << 26n) | (BigInt(Math.min(deferrals, DEFERRALS_MAX)) << 2n) | phase;
}

const terminalRankOf = (record: ArchivedRecord): bigint => runBits(record) | (1n << 38n);

const runBits = (record: ArchivedRecord): bigint => BigInt(Math.min(record.run!, RUN_MAX)) << 39n;
