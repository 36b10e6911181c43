import { mustDisable, type Disabling } from '@switchhook/domain';
import { HttpFault } from '@switchhook/platform';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';

/**
 * Disables a webhook for a cause, unless it has been changed meanwhile. Answers whether it was this cause that disabled it,
 * now or before: the same cause again does nothing.
 */
export async function disableWebhook(
  deps: WebhookCommandDeps & { readonly now: () => number },
  webhookId: number,
  disabling: Disabling,
): Promise<boolean> {
  const { reason, cause } = disabling;
  const command = { type: 'disable' as const, now: deps.now(), by: `system: ${reason}`, cause, reason };
  try {
    const { state } = await commandWebhook(deps, webhookId, command, (before) =>
      before.status === 'none' ? false : mustDisable(before.webhook, disabling),
    );
    return state.status === 'exists' && state.causes.has(cause);
  } catch (error) {
    // The customer has deleted it before.
    if (error instanceof HttpFault && error.code === 'unknownId') return false;
    throw error;
  }
}
