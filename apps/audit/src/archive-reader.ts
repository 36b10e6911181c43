import type { EntityManager } from 'typeorm';
import type { ArchivedHeaders, ArchivedRecord } from './archived-record.js';

interface StoredRecord {
  readonly identity: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly appendedAt: string;
  readonly kind: string;
  readonly accountId: string | null;
  readonly eventKey: string | null;
  readonly deliveryId: string | null;
  readonly webhookId: string | null;
  readonly run: number | null;
  readonly number: number | null;
  readonly headers: ArchivedHeaders;
  readonly facts: string | null;
}

/** Up to `limit` records of one source behind position `after`, in order: what the views are made of. */
export async function readArchive(
  manager: EntityManager,
  sourceId: number,
  after: number,
  limit: number,
): Promise<ArchivedRecord[]> {
  const rows = await manager.query<StoredRecord[]>(
    `SELECT s.identity, s.topic, s.partition, r.position, r.appended_at AS "appendedAt", r.kind,
            r.account_id AS "accountId", r.event_key AS "eventKey", r.delivery_id AS "deliveryId",
            r.webhook_id AS "webhookId", r.run, r.number, r.headers, r.facts::text AS facts
     FROM audit.records r JOIN audit.sources s ON s.id = r.source_id
     WHERE r.source_id = $1 AND r.position > $2 ORDER BY r.position LIMIT $3`,
    [sourceId, after, limit],
  );
  return rows.map((row) => ({
    ...row,
    position: Number(row.position),
    appendedAt: Number(row.appendedAt),
    accountId: numberOf(row.accountId),
    webhookId: numberOf(row.webhookId),
  }));
}

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));
