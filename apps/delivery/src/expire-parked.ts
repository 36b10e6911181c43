import type { Outcome, Webhook } from '@switchhook/contracts';
import { attemptName, outcomeRecord, retryPolicyOf } from '@switchhook/domain';
import type { EventLog } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { InHand } from './in-hand.js';
import type { Releaser } from './release.js';
import type { Schedule } from './schedule.js';
import { requestHeaders, type ScheduleRow } from './schedule-row.js';
import type { Webhooks } from './webhooks.js';

export interface ExpireParkedDeps {
  readonly log: Pick<EventLog, 'publish'>;
  readonly schedule: Pick<Schedule, 'parked'>;
  readonly webhooks: Webhooks;
  readonly releaser: Pick<Releaser, 'parkedWebhooks' | 'releasedIds'>;
  readonly inHand: Pick<InHand, 'has'>;
  readonly names: Pick<FinishedNames, 'add' | 'has'>;
  readonly now: () => number;
}

const ROWS_AT_ONCE = 50;
/** Of one webhook in one round; the rest comes in the next. */
const ROWS_MAX = 10_000;

/**
 * Ends what has been parked for longer than its webhook lets a delivery live, whether or not it was ever attempted
 * (correctness.md §4): behind the gate of an endpoint that never comes back nothing else would. Parked rows are roughly in the
 * order of their acceptance, so that the search ends at the first few that may stay.
 */
export async function expireParked(deps: ExpireParkedDeps): Promise<void> {
  for (const { partition, webhookId } of deps.releaser.parkedWebhooks()) {
    const webhook = deps.webhooks.get(webhookId);
    if (webhook) await expireOf(deps, webhook, partition);
  }
}

async function expireOf(deps: ExpireParkedDeps, webhook: Webhook, partition: number): Promise<void> {
  const { log, schedule, releaser, inHand, names, now } = deps;
  const { maxAgeMs } = retryPolicyOf(webhook);
  const ended: string[] = [];
  while (ended.length < ROWS_MAX) {
    const notThese = [...releaser.releasedIds(webhook.id), ...ended];
    const rows = await schedule.parked(partition, webhook.id, notThese, ROWS_AT_ONCE);
    const at = now();
    // One that is in hand ends by its call; one that has ended keeps its row until the projection comes to it.
    const isWaiting = (name: string) => !inHand.has(name) && !names.has(name);
    const old = rows.filter(({ ids }) => ids.acceptedAt + maxAgeMs < at && isWaiting(attemptName(ids)));
    if (old.length === 0) return;
    await log.publish(
      old.map((row) => expired(row, webhook, at)),
      { flush: false },
    );
    for (const { ids } of old) {
      names.add(attemptName(ids));
      ended.push(ids.deliveryId);
    }
    if (old.length < rows.length) return;
  }
}

function expired(row: ScheduleRow, webhook: Webhook, at: number) {
  const outcome: Outcome = { outcome: 'expired', at, reason: 'max-age' };
  return outcomeRecord({ key: String(webhook.id), headers: requestHeaders(row, webhook.version) }, outcome);
}
