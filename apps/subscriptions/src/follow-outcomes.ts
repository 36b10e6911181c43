import type { Batch } from '@switchhook/event-log';
import type { WebhookDirectory } from '@switchhook/platform';
import { outcomesOfWebhooks } from './outcome-of-webhook.js';
import type { SpendWebhooks } from './spend-webhooks.js';
import type { HealthProjection } from './webhook-health.js';

export interface FollowOutcomesDeps {
  readonly directory: Pick<WebhookDirectory, 'has'>;
  readonly spend: SpendWebhooks;
  readonly health: Pick<HealthProjection, 'follow'>;
}

/**
 * Reads what became of deliveries: `singleUse` webhooks are spent, and it is followed how webhooks fare. Throws `HoldError`,
 * before anything was done, while a record needs a webhook version or a layout that is not known here yet.
 */
export const followOutcomes =
  ({ directory, spend, health }: FollowOutcomesDeps) =>
  async ({ partition, records }: Pick<Batch, 'partition' | 'records'>): Promise<void> => {
    const outcomes = outcomesOfWebhooks(directory, records);
    await spend(outcomes);
    const last = records.at(-1);
    if (last) await health.follow({ partition, end: last.position + 1, outcomes });
  };
