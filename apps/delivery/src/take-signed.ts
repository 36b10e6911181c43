import type { Outcome } from '@switchhook/contracts';
import { hasAttemptIds, outcomeRecord } from '@switchhook/domain';
import { HoldError, toRejected, type Batch, type LogRecord } from '@switchhook/event-log';
import { parkedBehindGate } from './attempt.js';
import type { FinishedNames } from './finished-names.js';
import type { Gates } from './gates.js';
import type { InHand } from './in-hand.js';
import type { Lanes } from './lanes.js';
import type { OutcomeWriter } from './record-outcome.js';
import { readSigned, type SignedDelivery } from './signed-delivery.js';
import type { Webhooks } from './webhooks.js';

export interface TakeSignedDeps {
  readonly webhooks: Webhooks;
  readonly names: FinishedNames;
  readonly inHand: InHand;
  readonly lanes: Lanes<SignedDelivery>;
  readonly gates: Pick<Gates, 'holds' | 'hold'>;
  readonly writer: OutcomeWriter;
  readonly now: () => number;
  readonly onUnreadable: (record: LogRecord, reason: string) => void;
}

/**
 * Takes a batch of signed records: each goes into the lane of its webhook, or its outcome is written without a call
 * (cancelled, parked, unreadable), or it is a repeat and is dropped. Never waits for an endpoint.
 * Throws HoldError, before anything was taken, when a webhook's version has not arrived yet.
 */
export const takeSigned =
  (deps: TakeSignedDeps) =>
  async (batch: Batch): Promise<void> => {
    const opened = batch.records.map((record) => ({ record, signed: open(record) }));
    for (const { signed } of opened) {
      if (signed.ok && !deps.webhooks.has(signed.delivery.webhookId, signed.delivery.ids.webhookVersion)) {
        throw new HoldError(
          `webhook ${signed.delivery.webhookId} v${signed.delivery.ids.webhookVersion} is not known yet`,
        );
      }
    }
    for (const { record, signed } of opened) {
      if (signed.ok) take(deps, batch, signed.delivery);
      else await refuse(deps, record, signed.reason).then(() => batch.settle(record));
    }
  };

type Opened =
  { readonly ok: true; readonly delivery: SignedDelivery } | { readonly ok: false; readonly reason: string };

function open(record: LogRecord): Opened {
  try {
    return { ok: true, delivery: readSigned(record) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function take(deps: TakeSignedDeps, batch: Batch, delivery: SignedDelivery): void {
  const settle = () => batch.settle(delivery.record);
  if (deps.names.has(delivery.name)) return settle();
  const taken = deps.inHand.take(delivery, settle);
  if (taken === 'repeat') return settle();
  if (taken === 'same') return;
  const webhook = deps.webhooks.get(delivery.webhookId);
  if (webhook?.status === 'disabled' || webhook?.status === 'deleted') {
    return write(deps, delivery, { outcome: 'cancelled', at: deps.now(), reason: webhook.status });
  }
  const held = webhook !== undefined && deps.gates.holds(webhook);
  if (held) deps.gates.hold(webhook, delivery.partition);
  if (findsPlace(deps, delivery, held)) return;
  // Parked: a row in the schedule holds it until the lane has room; progress goes on without it.
  const at = deps.now();
  write(deps, delivery, held ? parkedBehindGate(at) : { outcome: 'deferred', at, reason: 'lane-full' });
}

/** Behind a gate only what the schedule has released may go: anything else would overtake what waits there. */
function findsPlace({ lanes }: TakeSignedDeps, delivery: SignedDelivery, held: boolean): boolean {
  return !(held && isFresh(delivery)) && lanes.offer(delivery) === 'taken';
}

const isFresh = ({ ids }: SignedDelivery): boolean => ids.number === 1 && ids.deferrals === 0;

function write(deps: TakeSignedDeps, delivery: SignedDelivery, outcome: Outcome): void {
  void deps.writer.record(delivery, outcome);
}

/** What cannot be read goes to the rejected topic; if it says which delivery it was, that one ends as `rejected`. */
async function refuse(deps: TakeSignedDeps, record: LogRecord, reason: string): Promise<void> {
  deps.onUnreadable(record, reason);
  const rejected = toRejected(record, 'unreadable', reason);
  if (!hasAttemptIds(record.headers)) return deps.writer.write([rejected]);
  const outcome = outcomeRecord(record, { outcome: 'rejected', at: deps.now(), reason: 'unreadable' });
  return deps.writer.write([rejected, outcome]);
}
