import { HEADER, SCHEMA_VERSION, headerText, type AttemptIds, type OutcomeName } from '@switchhook/contracts';
import { readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import type { WebhookDirectory } from '@switchhook/platform';

/** An outcome of a delivery to a webhook, as far as the headers of its record tell. */
export interface OutcomeOfWebhook {
  readonly ids: AttemptIds;
  readonly name: OutcomeName;
  readonly record: LogRecord;
}

/**
 * The outcomes in `records` that are about webhooks, from the headers alone; what cannot be read is left out, delivery refuses
 * it for all. Throws `HoldError` while a record is of a newer layout, or about a webhook version that is not known yet.
 */
export function outcomesOfWebhooks(
  directory: Pick<WebhookDirectory, 'has'>,
  records: readonly LogRecord[],
): OutcomeOfWebhook[] {
  const outcomes: OutcomeOfWebhook[] = [];
  for (const record of records) {
    const outcome = readOutcome(record);
    if (!outcome) continue;
    const { webhookId, webhookVersion } = outcome.ids;
    if (!directory.has(webhookId, webhookVersion)) throw new HoldError(`Webhook ${webhookId} is not known yet`);
    outcomes.push(outcome);
  }
  return outcomes;
}

function readOutcome(record: LogRecord): OutcomeOfWebhook | null {
  const { headers } = record;
  const schema = Number(headerText(headers, HEADER.schema));
  if (schema > SCHEMA_VERSION) throw new HoldError(`Outcomes of schema ${schema} need a newer version of this service`);
  const name = headerText(headers, HEADER.outcome) as OutcomeName | undefined;
  if (!name || headers[HEADER.ids] === undefined) return null;
  try {
    return { ids: readAttemptIds(headers), name, record };
  } catch {
    return null;
  }
}
