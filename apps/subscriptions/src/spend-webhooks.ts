import { channel } from 'node:diagnostics_channel';
import { TERMINAL_OUTCOMES } from '@switchhook/contracts';
import { HttpFault, type WebhookDirectory } from '@switchhook/platform';
import type { OutcomeOfWebhook } from './outcome-of-webhook.js';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';

/** Where chaos runs end the process (docs/adr/0035). */
const SPENT = channel('switchhook.subscriptions.spent');

export interface SpendWebhooksDeps extends WebhookCommandDeps {
  readonly directory: Pick<WebhookDirectory, 'get'>;
  readonly now: () => number;
}

export type SpendWebhooks = (outcomes: readonly OutcomeOfWebhook[]) => Promise<void>;

/**
 * Follows what became of deliveries, for the webhooks that trigger only once (CallFire's `singleUse`): with the first
 * outcome the webhook is spent, with the terminal one it is deleted (correctness.md §1). The same outcome again, or for a
 * webhook that is gone, changes nothing.
 */
export const spendWebhooks =
  (deps: SpendWebhooksDeps): SpendWebhooks =>
  async (outcomes) => {
    for (const outcome of outcomes) {
      if (deps.directory.get(outcome.ids.webhookId)?.singleUse === true) await spend(deps, outcome);
    }
  };

async function spend(deps: SpendWebhooksDeps, { ids, name }: OutcomeOfWebhook): Promise<void> {
  const { webhookId, deliveryId } = ids;
  const isTerminal = TERMINAL_OUTCOMES.has(name);
  const cause = `${isTerminal ? 'ended' : 'begun'}:${deliveryId}`;
  const type = isTerminal ? 'delete' : 'spend';
  try {
    await commandWebhook(deps, webhookId, { type, now: deps.now(), by: 'system: singleUse', cause });
    SPENT.publish(undefined);
  } catch (error) {
    // The customer has deleted it before.
    if (!(error instanceof HttpFault && error.code === 'unknownId')) throw error;
  }
}
