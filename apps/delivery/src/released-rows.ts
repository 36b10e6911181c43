/** A row that was released and whose outcome is not known yet. */
export interface ReleasedRow {
  readonly partition: number;
  readonly accountId: number;
  readonly webhookId: number;
  readonly deliveryId: string;
  /** For a row in the order of its subject. */
  readonly subject: string | undefined;
  readonly at: number;
}

/** The rows that are on their way, in the order of their release, and how many of whom they are. */
export class ReleasedRows {
  private readonly rows = new Map<string, ReleasedRow>();
  private readonly byWebhook = new Map<number, number>();
  private readonly byAccount = new Map<number, number>();

  get size(): number {
    return this.rows.size;
  }

  has(key: string): boolean {
    return this.rows.has(key);
  }

  ofWebhook(webhookId: number): number {
    return this.byWebhook.get(webhookId) ?? 0;
  }

  ofAccount(accountId: number): number {
    return this.byAccount.get(accountId) ?? 0;
  }

  /** The deliveries of one webhook, or all. */
  ids(webhookId?: number): string[] {
    const all = [...this.rows.values()];
    return (webhookId === undefined ? all : all.filter((one) => one.webhookId === webhookId)).map(
      (one) => one.deliveryId,
    );
  }

  /** Those released before a time, epoch ms. */
  *before(atMs: number): Generator<string> {
    for (const [key, { at }] of this.rows) {
      if (at > atMs) return; // In the order of release: the rest is younger.
      yield key;
    }
  }

  add(key: string, row: ReleasedRow): void {
    this.remove(key);
    this.rows.set(key, row);
    add(this.byWebhook, row.webhookId, 1);
    add(this.byAccount, row.accountId, 1);
  }

  remove(key: string): ReleasedRow | undefined {
    const row = this.rows.get(key);
    if (!row) return undefined;
    this.rows.delete(key);
    add(this.byWebhook, row.webhookId, -1);
    add(this.byAccount, row.accountId, -1);
    return row;
  }

  removePartition(partition: number): void {
    for (const [key, row] of this.rows) if (row.partition === partition) this.remove(key);
  }
}

function add(counts: Map<number, number>, id: number, more: number): void {
  const count = (counts.get(id) ?? 0) + more;
  if (count > 0) counts.set(id, count);
  else counts.delete(id);
}

/** Names a row: a delivery has one in each of its runs. */
export const keyOf = ({ deliveryId, run }: { readonly deliveryId: string; readonly run: number }): string =>
  `${deliveryId}/${run}`;
