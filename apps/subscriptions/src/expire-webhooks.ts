import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';
import type { WebhookTable } from './webhook-table.js';

export interface ExpireWebhooksDeps extends WebhookCommandDeps {
  readonly table: Pick<WebhookTable, 'save' | 'count' | 'due'>;
  readonly now: () => number;
}

/**
 * Ends the webhooks whose `expiresAt` has come; answers with how many there were. What was accepted before is still
 * delivered, and matching compares the times itself (correctness.md §3): being late here loses and adds nothing.
 */
export async function expireWebhooks(deps: ExpireWebhooksDeps): Promise<number> {
  const now = deps.now();
  const due = await deps.table.due(now);
  for (const { id } of due) {
    // The customer may have given it more time since it was read.
    await commandWebhook(deps, id, { type: 'expire', now, by: 'system: expiresAt' }, (state) => {
      const expiresAt = state.status === 'none' ? undefined : state.webhook.expiresAt;
      return expiresAt !== undefined && expiresAt <= now;
    });
  }
  return due.length;
}
