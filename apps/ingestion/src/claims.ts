import type { DataSource } from 'typeorm';

/** An event that would trigger a webhook which triggers only once. */
export interface Claim {
  readonly webhookId: number;
  readonly eventKey: string;
}

// The update changes nothing: it makes the statement answer with who has the webhook, also where that was decided before.
const CLAIM = `
  INSERT INTO ingestion.claims (webhook_id, event_key)
  SELECT t.webhook_id, t.event_key
  FROM unnest($1::bigint[], $2::uuid[]) AS t(webhook_id, event_key)
  ON CONFLICT (webhook_id) DO UPDATE SET event_key = claims.event_key
  RETURNING webhook_id, event_key`;

/**
 * Who has each webhook with `singleUse` (correctness.md §1): the first event that claims it, and the same event again when it
 * is re-read. Only events that have won their names may claim. The names are committed before: a crash in between changes
 * nothing, for the event is read again and claims then. A claim waits for the disk: a database that crashed would give the
 * webhook to another event, while ours goes on its way.
 */
export class Claims {
  constructor(private readonly database: Pick<DataSource, 'query'>) {}

  /** Claims, the first of `claims` (at least one) before the later; answers with the event that has each webhook. */
  async claim(claims: readonly Claim[]): Promise<ReadonlyMap<number, string>> {
    const first = new Map<number, string>();
    for (const { webhookId, eventKey } of claims) if (!first.has(webhookId)) first.set(webhookId, eventKey);
    // In one order everywhere: two batches that share webhooks wait for each other, never in a circle.
    const webhookIds = [...first.keys()].sort((a, b) => a - b);
    const eventKeys = webhookIds.map((webhookId) => first.get(webhookId));
    const rows = await this.database.query<{ webhook_id: string; event_key: string }[]>(CLAIM, [webhookIds, eventKeys]);
    return new Map(rows.map((row) => [Number(row.webhook_id), row.event_key]));
  }
}
