import { HEADER, SCHEMA_VERSION, TERMINAL_OUTCOMES, headerText, type OutcomeName } from '@switchhook/contracts';
import { hasAttemptIds, readAttemptIds } from '@switchhook/domain';
import { HoldError, type Batch, type LogRecord } from '@switchhook/event-log';
import { HttpFault, type WebhookDirectory } from '@switchhook/platform';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';

export interface SpendWebhooksDeps extends WebhookCommandDeps {
  readonly directory: Pick<WebhookDirectory, 'get' | 'has'>;
  readonly now: () => number;
}

export type SpendWebhooks = (batch: Batch) => Promise<void>;

/**
 * Reads what became of deliveries, for the webhooks that trigger only once (CallFire's `singleUse`): with the first
 * outcome the webhook is spent, with the terminal one it is deleted (correctness.md §1). The same outcome again, or for a
 * webhook that is gone, changes nothing. Throws `HoldError` while the directory does not know the webhook yet.
 */
export const spendWebhooks =
  (deps: SpendWebhooksDeps): SpendWebhooks =>
  async ({ records }) => {
    for (const record of records) {
      const outcome = readOutcome(record);
      if (outcome && isSingleUse(deps, outcome)) await spend(deps, outcome);
    }
  };

interface OutcomeOfWebhook {
  readonly webhookId: number;
  readonly webhookVersion: number;
  readonly deliveryId: string;
  readonly isTerminal: boolean;
}

/** From the headers alone. Null for what is about no webhook, and for what cannot be read: delivery refuses those for all. */
function readOutcome({ headers }: LogRecord): OutcomeOfWebhook | null {
  const schema = Number(headerText(headers, HEADER.schema));
  if (schema > SCHEMA_VERSION) throw new HoldError(`Outcomes of schema ${schema} need a newer version of this service`);
  const name = headerText(headers, HEADER.outcome) as OutcomeName | undefined;
  if (!name || !hasAttemptIds(headers)) return null;
  const { webhookId, webhookVersion, deliveryId } = readAttemptIds(headers);
  return { webhookId, webhookVersion, deliveryId, isTerminal: TERMINAL_OUTCOMES.has(name) };
}

function isSingleUse({ directory }: SpendWebhooksDeps, { webhookId, webhookVersion }: OutcomeOfWebhook): boolean {
  if (!directory.has(webhookId, webhookVersion)) throw new HoldError(`Webhook ${webhookId} is not known yet`);
  return directory.get(webhookId)?.singleUse === true;
}

async function spend(deps: SpendWebhooksDeps, { webhookId, deliveryId, isTerminal }: OutcomeOfWebhook): Promise<void> {
  const cause = `${isTerminal ? 'ended' : 'begun'}:${deliveryId}`;
  const type = isTerminal ? 'delete' : 'spend';
  try {
    await commandWebhook(deps, webhookId, { type, now: deps.now(), by: 'system: singleUse', cause });
  } catch (error) {
    // The customer has deleted it before.
    if (!(error instanceof HttpFault && error.code === 'unknownId')) throw error;
  }
}
