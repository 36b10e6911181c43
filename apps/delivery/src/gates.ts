import { channel } from 'node:diagnostics_channel';
import type { Webhook } from '@switchhook/contracts';
import { hasFallback } from '@switchhook/domain';
import type { Pauses } from '@switchhook/platform';
import { endpointOf, fallbackEndpointOf, type BreakerChange, type Breakers, type Endpoint } from './breakers.js';
import type { Gate, GateReason, GateStore } from './gate-store.js';
import type { ParkReason, ParkedTimes } from './parked.js';
import type { Webhooks } from './webhooks.js';

/** Where chaos runs end the process (docs/adr/0035). */
const GATES_WRITTEN = channel('switchhook.delivery.gates-written');

export interface GatesDeps {
  readonly store: Pick<GateStore, 'ofPartition' | 'write'>;
  readonly breakers: Pick<Breakers, 'state' | 'limit' | 'retryAt' | 'recover'>;
  readonly webhooks: Webhooks;
  readonly pauses: Pick<Pauses, 'of'>;
  readonly now: () => number;
  /**
   * The webhook is to begin at its rate, without a burst: it was over it at its owner before, who may have given it all that it
   * allows a moment ago, or its endpoint has just come back.
   */
  readonly onNoBurst: (webhookId: number) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * What holds webhooks back as a whole: one gate per webhook, shut when the breaker of its endpoint opens, lifted when that
 * closes; and while somebody has paused it, shut with the first record that has to wait. In memory for the partitions that this process owns, and in the database for whoever owns them next.
 */
export class Gates {
  private readonly shut = new Map<number, Gate>();
  /** Webhooks whose row differs from what is in memory. */
  private readonly unwritten = new Set<number>();
  private writing: Promise<void> | undefined;

  constructor(private readonly deps: GatesDeps) {}

  async assign(partition: number): Promise<void> {
    for (const gate of await this.deps.store.ofPartition(partition)) {
      this.shut.set(gate.webhookId, gate);
      if (gate.reason === 'rate-limited') this.deps.onNoBurst(gate.webhookId);
      // It may have been resumed while nobody owned the partition.
      if (gate.reason === 'paused') this.liftResumed(gate.webhookId);
    }
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

  /**
   * The endpoint that decides whether the webhook has to wait: its own; where it has a fallback, that of the fallback once its own
   * breaker is not closed. What its own breaker holds back goes to the fallback, and a lane that waited could not.
   */
  heldBy(webhook: Webhook): Endpoint {
    const own = endpointOf(webhook);
    if (!hasFallback(webhook) || this.deps.breakers.state(own.key) === 'closed') return own;
    return fallbackEndpointOf(webhook);
  }

  /** How many records the webhook's lane may hold: none behind a shut gate, one for the trial, more with each success after it. */
  limit(webhook: Webhook): number {
    if (!makesCalls(webhook)) return Infinity;
    if (this.deps.pauses.of(webhook)) return 0;
    const { key } = this.heldBy(webhook);
    const { breakers, now } = this.deps;
    const gate = this.breakerGate(webhook.id);
    // A gate that outlived its breaker behaves like a closed one after its time.
    if (gate?.endpoint === key && breakers.state(key) === 'closed') return now() < gate.opensAt ? 0 : 1;
    return breakers.limit(key);
  }

  /** Why everything that is for this webhook has to wait: for whoever has paused it, for a trial, for its turn after one, or behind what its rate holds back. */
  holds(webhook: Webhook): GateReason | undefined {
    if (!makesCalls(webhook)) return undefined;
    if (this.deps.pauses.of(webhook)) return 'paused';
    const { key } = this.heldBy(webhook);
    const gate = this.shut.get(webhook.id);
    if (this.deps.breakers.state(key) !== 'closed' || gate?.endpoint === key) return 'circuit-open';
    return gate?.reason === 'rate-limited' && webhook.rateLimit ? 'rate-limited' : undefined;
  }

  /** Since when a webhook is held back for this reason, and when its gate is looked at again, where that is known. */
  times(webhook: Webhook, reason: ParkReason): ParkedTimes {
    const gate = this.shut.get(webhook.id);
    if (reason === 'paused') return { since: this.deps.pauses.of(webhook)?.since };
    if (gate?.reason !== reason) return {};
    if (reason === 'rate-limited') return { since: gate.shutAt };
    const nextAttemptAt = this.deps.breakers.retryAt(this.heldBy(webhook).key) ?? gate.opensAt;
    return { since: gate.shutAt, nextAttemptAt };
  }

  /** Shuts the gate of a webhook that is over its rate: what comes waits behind what is parked, until that is gone. */
  limitRate({ id: webhookId }: Webhook, partition: number): void {
    if (this.shut.has(webhookId)) return;
    const at = this.deps.now();
    this.put(webhookId, { webhookId, partition, reason: 'rate-limited', endpoint: '', opensAt: at, shutAt: at });
  }

  /** Nothing of the webhook is parked any more: it is within its rate. */
  drained(webhookId: number): void {
    if (this.shut.get(webhookId)?.reason === 'rate-limited') this.put(webhookId, undefined);
  }

  /** Shuts the gate of a webhook that is paused, or that the breaker of its endpoint holds back; without effect when it is shut already. */
  hold(webhook: Webhook, partition: number): void {
    const { breakers, now, pauses } = this.deps;
    const pause = pauses.of(webhook);
    if (pause) {
      const gate = { partition, reason: 'paused' as const, endpoint: '', opensAt: now(), shutAt: pause.since };
      if (!this.shut.has(webhook.id)) this.put(webhook.id, { webhookId: webhook.id, ...gate });
      return;
    }
    const { key } = this.heldBy(webhook);
    const opensAt = breakers.retryAt(key);
    const known = this.breakerGate(webhook.id);
    if (opensAt === undefined || (known?.endpoint === key && known.opensAt === opensAt)) return;
    const shutAt = known?.endpoint === key ? known.shutAt : now();
    const gate: Gate = { webhookId: webhook.id, partition, reason: 'circuit-open', endpoint: key, opensAt, shutAt };
    this.put(webhook.id, gate);
  }

  /** Follows the breaker: its gates open later, or are lifted. */
  follow({ endpoint, state, retryAt }: BreakerChange): void {
    for (const gate of this.shut.values()) {
      if (gate.reason !== 'circuit-open' || gate.endpoint !== endpoint.key) continue;
      if (state === 'closed') {
        this.put(gate.webhookId, undefined);
        this.deps.onNoBurst(gate.webhookId);
      }
      if (state === 'open') this.put(gate.webhookId, { ...gate, opensAt: retryAt });
    }
  }

  /**
   * Lifts the gates whose time has passed and that no breaker stands behind, those of webhooks that call elsewhere now, and those
   * of webhooks that are paused no more: these begin slowly, too.
   */
  liftPassed(): void {
    const { breakers, now, webhooks } = this.deps;
    for (const { webhookId, reason, endpoint, opensAt } of this.shut.values()) {
      if (reason === 'paused') this.liftResumed(webhookId);
      if (reason !== 'circuit-open') continue;
      const webhook = webhooks.get(webhookId);
      const moved = webhook !== undefined && this.heldBy(webhook).key !== endpoint;
      const passed = opensAt <= now() && breakers.state(endpoint) === 'closed';
      if (passed) {
        breakers.recover(endpoint);
        this.deps.onNoBurst(webhookId);
      }
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
    GATES_WRITTEN.publish(undefined);
  }

  private liftResumed(webhookId: number): void {
    const webhook = this.deps.webhooks.get(webhookId);
    if (!webhook || (makesCalls(webhook) && this.deps.pauses.of(webhook))) return;
    this.deps.breakers.recover(this.heldBy(webhook).key);
    this.put(webhookId, undefined);
  }

  private breakerGate(webhookId: number): Gate | undefined {
    const gate = this.shut.get(webhookId);
    return gate?.reason === 'circuit-open' ? gate : undefined;
  }

  private put(webhookId: number, gate: Gate | undefined): void {
    if (gate) this.shut.set(webhookId, gate);
    else this.shut.delete(webhookId);
    this.unwritten.add(webhookId);
    void this.write();
  }
}

/** Whether what is for the webhook leads to calls; else it is cancelled without one. */
export const makesCalls = ({ status }: Webhook): boolean => status !== 'disabled' && status !== 'deleted';
