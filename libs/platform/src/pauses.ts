import type { Pause, PauseEvent, PauseScope, PausedScope, Webhook } from '@switchhook/contracts';

/** Whose deliveries are held by somebody's order, as `webhooks.v1` tells it. */
export interface Pauses {
  /** What holds the deliveries of this webhook: the oldest of its own pause, its account's and that of all; undefined: nothing. */
  of(webhook: Pick<Webhook, 'accountId' | 'pause'>): Pause | undefined;
  /** Everything that is paused: all, then accounts and webhooks by their ids. */
  list(): PausedScope[];
  counts(): Record<PauseScope, number>;
  /** Calls `listener` after each pause and each resumption; answers with the function that ends it. */
  onChange(listener: () => void): () => void;
}

/** Fills from the records of `webhooks.v1`. What is not paused costs a look at two numbers. */
export class PauseIndex implements Pauses {
  private all: Pause | undefined;
  private readonly accounts = new Map<number, Pause>();
  /** By account, undefined for all: the newest version that was seen. */
  private readonly versions = new Map<number | undefined, number>();
  private readonly listeners = new Set<() => void>();

  /** `onFault`: a listener threw; what is known stands all the same. */
  constructor(
    private readonly webhooks: () => Iterable<Webhook>,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Takes what a record says, unless something as new is known. */
  put({ accountId, version, pause }: PauseEvent): void {
    if ((this.versions.get(accountId) ?? 0) >= version) return;
    this.versions.set(accountId, version);
    if (accountId === undefined) this.all = pause;
    else if (pause) this.accounts.set(accountId, pause);
    else this.accounts.delete(accountId);
    this.tell();
  }

  /** To be called with each webhook that was taken, and what it was before. */
  webhookChanged(before: Webhook | undefined, after: Webhook): void {
    if (before?.pause?.since !== after.pause?.since) this.tell();
  }

  of({ accountId, pause }: Pick<Webhook, 'accountId' | 'pause'>): Pause | undefined {
    const ofAccount = this.accounts.size === 0 ? undefined : this.accounts.get(accountId);
    if (!pause && !ofAccount) return this.all;
    return older(older(pause, ofAccount), this.all);
  }

  list(): PausedScope[] {
    const accounts = [...this.accounts].sort(([a], [b]) => a - b);
    const webhooks = this.pausedWebhooks().sort((a, b) => a.id - b.id);
    return [
      ...(this.all ? [{ scope: 'all' as const, paused: true, ...this.all }] : []),
      ...accounts.map(([accountId, pause]) => ({ scope: 'account' as const, accountId, paused: true, ...pause })),
      ...webhooks.map(({ id, accountId, pause }) => ({
        ...{ scope: 'webhook' as const, accountId, webhookId: id, paused: true },
        ...pause,
      })),
    ];
  }

  counts(): Record<PauseScope, number> {
    return { all: this.all ? 1 : 0, account: this.accounts.size, webhook: this.pausedWebhooks().length };
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private pausedWebhooks(): Webhook[] {
    return [...this.webhooks()].filter(({ pause, status }) => pause && status !== 'deleted');
  }

  private tell(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        this.onFault(error);
      }
    }
  }
}

const older = (one: Pause | undefined, other: Pause | undefined): Pause | undefined =>
  one && other ? (one.since <= other.since ? one : other) : (one ?? other);
