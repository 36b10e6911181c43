/**
 * What was stored or removed since a look at the schedule began, which its answer may not show yet; and the webhooks of which the
 * last look found all that may be requested: until something changes about one of them, another look would find nothing.
 */
export class Looks {
  private isOpen = false;
  private readonly rows = new Set<string>();
  private readonly webhooks = new Set<number>();
  private readonly parked = new Set<number>();
  /** By webhook, the partitions: where a topic was given more of them its rows may be in two. */
  private readonly exhausted = new Map<number, Set<number>>();

  begin(): void {
    this.isOpen = true;
    for (const since of [this.rows, this.webhooks, this.parked]) since.clear();
  }

  /** Nobody looks until the next one begins. */
  end(): void {
    this.isOpen = false;
  }

  /** A row was stored or removed; `isParked`: it waits without a time. */
  rowChanged(key: string, webhookId: number, isParked: boolean): void {
    this.webhookChanged(webhookId);
    if (!this.isOpen) return;
    this.rows.add(key);
    if (isParked) this.parked.add(webhookId);
  }

  /** There may be something to find of this webhook now. */
  webhookChanged(webhookId: number): void {
    this.exhausted.delete(webhookId);
    if (this.isOpen) this.webhooks.add(webhookId);
  }

  /** What the look found of this row may be old. */
  hasChanged(key: string): boolean {
    return this.rows.has(key);
  }

  /** That the look found nothing of this webhook says nothing. */
  hasParked(webhookId: number): boolean {
    return this.parked.has(webhookId);
  }

  /** The look has found all that this partition has of it, but for what came since it began. */
  foundAll(partition: number, webhookId: number): void {
    if (this.webhooks.has(webhookId)) return;
    this.exhausted.set(webhookId, (this.exhausted.get(webhookId) ?? new Set()).add(partition));
  }

  isExhausted(partition: number, webhookId: number): boolean {
    return this.exhausted.get(webhookId)?.has(partition) === true;
  }

  /** The net under all of this: whatever was missed, each webhook is looked at again. */
  allAgain(): void {
    this.exhausted.clear();
  }
}
