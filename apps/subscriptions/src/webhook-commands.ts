import { LIMITS, type WebhookEvent } from '@switchhook/contracts';
import {
  decideWebhook,
  evolveWebhook,
  initialWebhook,
  type WebhookCommand,
  type WebhookState,
} from '@switchhook/domain';
import { handleCommand, type CommandDeps, type Handled } from '@switchhook/event-store';
import { HttpFault } from '@switchhook/platform';
import type { EntityManager } from 'typeorm';
import { answeringRefusals } from './refusals.js';
import type { WebhookTable } from './webhook-table.js';

export interface WebhookCommandDeps {
  readonly commands: CommandDeps;
  readonly table: Pick<WebhookTable, 'save' | 'count'>;
}

/**
 * Gives one webhook a command: its facts, and the table that follows from them, in one transaction. `applies` looks at the
 * state that the command meets; false: nothing happens; it may also throw. Throws `HttpFault` for what the webhook refuses.
 */
export function commandWebhook(
  { commands, table }: WebhookCommandDeps,
  webhookId: number,
  command: WebhookCommand,
  applies: (state: WebhookState) => boolean = () => true,
): Promise<Handled<WebhookState, WebhookEvent>> {
  const save = async (tx: EntityManager, facts: readonly WebhookEvent[], state: WebhookState): Promise<void> => {
    if (state.status === 'none') return;
    await table.save(tx, state.webhook);
    // Appends happen one at a time, so no other create can slip in between the count and the commit.
    if (facts[0]?.type === 'webhook.created') await checkCount(table, tx, state.webhook.accountId);
  };
  return answeringRefusals(() =>
    handleCommand(commands, {
      streamId: `webhook-${webhookId}`,
      initialState: initialWebhook,
      evolve: evolveWebhook,
      decide: (state) => (applies(state) ? decideWebhook(state, command) : []),
      typeOf: ({ type }) => type,
      alongside: save,
    }),
  );
}

async function checkCount(table: Pick<WebhookTable, 'count'>, tx: EntityManager, accountId: number): Promise<void> {
  if ((await table.count(tx, accountId)) <= LIMITS.webhooksPerAccount) return;
  throw new HttpFault('conflict', `An account may have ${LIMITS.webhooksPerAccount} webhooks; this one has as many`);
}
