import { HEADER, TERMINAL_OUTCOMES, type AttemptIds, type Outcome, type OutcomeName } from '@switchhook/contracts';
import { parseAttemptIds, type EventAttributes } from '@switchhook/domain';
import { archivedAttributes, archivedHeaderText, storableText, type ArchivedRecord } from './archived-record.js';
import { insertion, type Column, type Insertion } from './insertion.js';

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
     finished_at bigint,
     waiting_since bigint) WITH (fillfactor = 80)`,
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
  /** Of a parked one. */
  readonly waitingSince: number | null;
}

interface DeliveryRow {
  readonly record: ArchivedRecord;
  readonly state: DeliveryState;
  readonly ids: AttemptIds;
  readonly attributes: EventAttributes | null;
}

const COLUMNS: readonly Column<DeliveryRow>[] = [
  { name: 'id', type: 'uuid', of: ({ record }) => record.deliveryId },
  { name: 'event_key', type: 'uuid', of: ({ record }) => record.eventKey },
  { name: 'account_id', type: 'bigint', of: ({ record }) => record.accountId },
  { name: 'webhook_id', type: 'bigint', of: ({ record }) => record.webhookId },
  { name: 'event_id', type: 'text', of: ({ attributes }) => storableText(attributes?.id ?? null) },
  { name: 'source', type: 'text', of: ({ attributes }) => storableText(attributes?.source ?? null) },
  { name: 'event_type', type: 'text', of: ({ attributes }) => storableText(attributes?.type ?? null) },
  { name: 'subject', type: 'text', of: ({ attributes }) => storableText(attributes?.subject ?? null) },
  { name: 'created_at', type: 'bigint', of: ({ ids }) => ids.acceptedAt },
  { name: 'rank', type: 'bigint', of: ({ state }) => state.rank.toString() },
  { name: 'status', type: 'text', of: ({ state }) => state.status },
  { name: 'reason', type: 'text', of: ({ state }) => storableText(state.reason) },
  { name: 'next_attempt_at', type: 'bigint', of: ({ state }) => state.nextAttemptAt },
  { name: 'finished_at', type: 'bigint', of: ({ state }) => state.finishedAt },
  { name: 'waiting_since', type: 'bigint', of: ({ state }) => state.waitingSince },
];

const FILLED = ['event_id', 'source', 'event_type', 'subject'];
const REPLACED = ['status', 'reason', 'next_attempt_at', 'finished_at', 'waiting_since'];

const MERGE = [
  ...FILLED.map((name) => `${name} = coalesce(d.${name}, excluded.${name})`),
  ...REPLACED.map((name) => `${name} = CASE WHEN excluded.rank > d.rank THEN excluded.${name} ELSE d.${name} END`),
  'rank = greatest(d.rank, excluded.rank)',
].join(', ');

/** What `records` say about deliveries: attempts to make, and what came of them. */
export function intoDeliveries(schema: string, records: readonly ArchivedRecord[]): Insertion {
  const rows = new Map<string, DeliveryRow>();
  for (const record of records) {
    const row = record.deliveryId === null ? undefined : rowOf(record);
    if (!row) continue;
    const known = rows.get(record.deliveryId!);
    rows.set(record.deliveryId!, known ? merged(known, row) : row);
  }
  return insertion(
    {
      into: `${schema}.deliveries AS d`,
      columns: COLUMNS,
      orderBy: 'id',
      onConflict: `(id) DO UPDATE SET ${MERGE}
        WHERE excluded.rank > d.rank OR (d.event_id IS NULL AND excluded.event_id IS NOT NULL)`,
    },
    [...rows.values()],
  );
}

/** Of two rows of one delivery in one batch: the later state, and the record that names the event. The same rule as `MERGE`. */
const merged = (known: DeliveryRow, next: DeliveryRow): DeliveryRow => ({
  ...(known.attributes === null ? next : known),
  state: next.state.rank > known.state.rank ? next.state : known.state,
});

/** Undefined where `record` says nothing about the state of its delivery. */
function rowOf(record: ArchivedRecord): DeliveryRow | undefined {
  // A record of a delivery has readable ids, or it would be archived as `unreadable`, without any.
  const ids = parseAttemptIds(archivedHeaderText(record.headers, HEADER.ids) ?? '');
  const state = stateAfter(record, ids);
  return state && { record, state, ids, attributes: archivedAttributes(record.headers) };
}

/** The state that a delivery has after `record`; undefined where it says nothing about that. */
function stateAfter(record: ArchivedRecord, ids: AttemptIds): DeliveryState | undefined {
  if (record.kind === 'requested') {
    return {
      rank: rankOf(ids, PHASE.requested),
      status: 'pending',
      reason: null,
      nextAttemptAt: null,
      finishedAt: null,
      waitingSince: null,
    };
  }
  if (record.kind === 'attempted' || record.kind === 'deferred') {
    const { nextAttemptAt = null, reason = null, since = null } = JSON.parse(record.facts!) as Outcome;
    const status = record.kind === 'deferred' ? 'deferred' : 'pending';
    return {
      rank: rankOf(ids, PHASE[record.kind]),
      status,
      reason,
      nextAttemptAt,
      finishedAt: null,
      waitingSince: since,
    };
  }
  if (!TERMINAL_OUTCOMES.has(record.kind as OutcomeName)) return undefined;
  const { at, reason = null } = JSON.parse(record.facts!) as Outcome;
  const status = record.kind as DeliveryStatus;
  return { rank: terminalRankOf(ids), status, reason, nextAttemptAt: null, finishedAt: at, waitingSince: null };
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
function rankOf({ run, number, deferrals }: AttemptIds, phase: bigint): bigint {
  const attempt = BigInt(Math.min(number, NUMBER_MAX)) << 26n;
  return runBits(run) | attempt | (BigInt(Math.min(deferrals, DEFERRALS_MAX)) << 2n) | phase;
}

const terminalRankOf = ({ run }: AttemptIds): bigint => runBits(run) | (1n << 38n);

const runBits = (run: number): bigint => BigInt(Math.min(run, RUN_MAX)) << 39n;
