import type { Webhook } from '@switchhook/contracts';
import { endpointOf, type BreakerChange, type Breakers } from './breakers.js';
import type { Gate, GateStore } from './gate-store.js';
import type { Webhooks } from './webhooks.js';

export interface GatesDeps {
  readonly store: Pick<GateStore, 'ofPartition' | 'write'>;
  readonly breakers: Pick<Breakers, 'state' | 'limit' | 'retryAt' | 'recover'>;
  readonly webhooks: Webhooks;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/**
 * What holds webhooks back as a whole: one gate per webhook, shut when the breaker of its endpoint opens, lifted when that
 * closes. In memory for the partitions that this process owns, and in the database for whoever owns them next.
 */
export class Gates {
  private readonly shut = new Map<number, Gate>();
  /** Webhooks whose row differs from what is in memory. */
  private readonly unwritten = new Set<number>();
  private writing: Promise<void> | undefined;

  constructor(private readonly deps: GatesDeps) {}

  async assign(partition: number): Promise<void> {
    for (const gate of await this.deps.store.ofPartition(partition)) this.shut.set(gate.webhookId, gate);
  }

  /** Writes what is not written, and forgets the partition: its gates are another owner's. */
  async revoke(partition: number): Promise<void> {
    await this.write();
    for (const [webhookId, gate] of this.shut) {
      if (gate.partition !== partition) continue;
      this.shut.delete(webhookId);
      this.unwritten.delete(webhookId);
    }
  }

  /** How many records the webhook's lane may hold: none behind a shut gate, one for the trial, more with each success after it. */
  limit(webhook: Webhook): number {
    if (makesNoCalls(webhook)) return Infinity;
    const { key } = endpointOf(webhook);
    const { breakers, now } = this.deps;
    const gate = this.shut.get(webhook.id);
    // A gate that outlived its breaker behaves like a closed one after its time.
    if (gate?.endpoint === key && breakers.state(key) === 'closed') return now() < gate.opensAt ? 0 : 1;
    return breakers.limit(key);
  }

  /** Whether everything that is for this webhook has to wait for a trial, or for its turn after one. */
  holds(webhook: Webhook): boolean {
    if (makesNoCalls(webhook)) return false;
    const { key } = endpointOf(webhook);
    return this.deps.breakers.state(key) !== 'closed' || this.shut.get(webhook.id)?.endpoint === key;
  }

  /** Shuts the gate of a webhook that the breaker of its endpoint holds back; without effect when it is shut already. */
  hold(webhook: Webhook, partition: number): void {
    const { key } = endpointOf(webhook);
    const { breakers, now } = this.deps;
    const opensAt = breakers.retryAt(key);
    const known = this.shut.get(webhook.id);
    if (opensAt === undefined || (known?.endpoint === key && known.opensAt === opensAt)) return;
    const shutAt = known?.endpoint === key ? known.shutAt : now();
    const gate: Gate = { webhookId: webhook.id, partition, reason: 'circuit-open', endpoint: key, opensAt, shutAt };
    this.put(webhook.id, gate);
  }

  /** Follows the breaker: its gates open later, or are lifted. */
  follow({ endpoint, state, retryAt }: BreakerChange): void {
    for (const gate of this.shut.values()) {
      if (gate.endpoint !== endpoint.key) continue;
      if (state === 'closed') this.put(gate.webhookId, undefined);
      if (state === 'open') this.put(gate.webhookId, { ...gate, opensAt: retryAt });
    }
  }

  /** Lifts the gates whose time has passed and that no breaker stands behind, and those of webhooks that call elsewhere now. */
  liftPassed(): void {
    const { breakers, now, webhooks } = this.deps;
    for (const { webhookId, endpoint, opensAt } of this.shut.values()) {
      const webhook = webhooks.get(webhookId);
      const moved = webhook !== undefined && endpointOf(webhook).key !== endpoint;
      const passed = opensAt <= now() && breakers.state(endpoint) === 'closed';
      if (passed) breakers.recover(endpoint);
      if (passed || moved) this.put(webhookId, undefined);
    }
  }

  /** Resolves when what has changed until now is in the database, or could not be written: then it is tried with the next change. */
  async write(): Promise<void> {
    while (this.writing) await this.writing;
    if (this.unwritten.size === 0) return;
    const webhookIds = [...this.unwritten];
    this.unwritten.clear();
    const shut = webhookIds.flatMap((webhookId) => this.shut.get(webhookId) ?? []);
    const lifted = webhookIds.filter((webhookId) => !this.shut.has(webhookId));
    this.writing = this.deps.store
      .write(shut, lifted)
      .catch((error: unknown) => {
        for (const webhookId of webhookIds) this.unwritten.add(webhookId);
        this.deps.onError(error);
      })
      .finally(() => {
        this.writing = undefined;
      });
    await this.writing;
  }

  private put(webhookId: number, gate: Gate | undefined): void {
    if (gate) this.shut.set(webhookId, gate);
    else this.shut.delete(webhookId);
    this.unwritten.add(webhookId);
    void this.write();
  }
}

/** What is for such a webhook is cancelled without a call. */
const makesNoCalls = ({ status }: Webhook): boolean => status === 'disabled' || status === 'deleted';
