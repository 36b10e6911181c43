import type { Webhook, WebhookCircuit } from '@switchhook/contracts';
import { hasFallback } from '@switchhook/domain';
import { endpointOf, fallbackEndpointOf, type Breakers } from './breakers.js';
import type { EndpointGossip } from './endpoint-gossip.js';

export interface CircuitsDeps {
  readonly breakers: Pick<Breakers, 'circuit' | 'reset'>;
  readonly gossip: Pick<EndpointGossip, 'restored' | 'reachEnd' | 'told'>;
}

/**
 * The breakers of the endpoints that a webhook calls, as this instance knows them: what another one has found out is here within
 * two seconds. Other webhooks of the account that call the same endpoint have the same breaker.
 */
export class Circuits {
  constructor(private readonly deps: CircuitsDeps) {
    // From the start, also where no partition is owned: any instance may be asked. Who waits for it hears when it fails.
    deps.gossip.restored().catch(() => undefined);
  }

  /** Waits until everything that was on the log at the start of this process is known. */
  async look(webhook: Webhook): Promise<WebhookCircuit> {
    await this.deps.gossip.restored();
    return this.of(webhook);
  }

  /** Closes them, here and within two seconds everywhere, as credential `resetBy` wants. Resolves when the log has that. */
  async reset(webhook: Webhook, resetBy: number): Promise<WebhookCircuit> {
    const { breakers, gossip } = this.deps;
    // The newest wins: what another instance has said must be known before this says something newer.
    await gossip.reachEnd();
    breakers.reset(endpointOf(webhook).key, resetBy);
    if (hasFallback(webhook)) breakers.reset(fallbackEndpointOf(webhook).key, resetBy);
    await gossip.told();
    return this.of(webhook);
  }

  private of(webhook: Webhook): WebhookCircuit {
    const { breakers } = this.deps;
    const fallback = hasFallback(webhook) ? breakers.circuit(fallbackEndpointOf(webhook).key) : null;
    return { ...breakers.circuit(endpointOf(webhook).key), fallback };
  }
}
