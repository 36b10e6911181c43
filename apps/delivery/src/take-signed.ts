import type { Outcome, Webhook } from '@switchhook/contracts';
import { hasAttemptIds, outcomeRecord } from '@switchhook/domain';
import { HoldError, toRejected, type Batch, type LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { Gates } from './gates.js';
import type { InHand } from './in-hand.js';
import type { Lanes } from './lanes.js';
import { parked, type ParkReason } from './parked.js';
import { Parking } from './parking.js';
import type { OutcomeWriter } from './record-outcome.js';
import { readSigned, type SignedDelivery } from './signed-delivery.js';
import type { SubjectOrder } from './subject-order.js';
import type { Webhooks } from './webhooks.js';

export interface TakeSignedDeps {
  readonly webhooks: Webhooks;
  readonly names: FinishedNames;
  readonly inHand: InHand;
  readonly lanes: Lanes<SignedDelivery>;
  readonly order: Pick<SubjectOrder, 'arrive'>;
  readonly gates: Pick<Gates, 'holds' | 'hold' | 'limitRate' | 'times'>;
  readonly writer: OutcomeWriter;
  /** Whether this process has the partition, and its takeover is complete. */
  readonly isOurs: (partition: number) => boolean;
  readonly now: () => number;
  readonly onUnreadable: (record: LogRecord, reason: string) => void;
}

/**
 * Takes a batch of signed records: each goes into the lane of its webhook, or its outcome is written without a call
 * (cancelled, parked, unreadable), or it is a repeat and is dropped. Never waits for an endpoint.
 * Throws HoldError, before anything was taken, when a webhook's version has not arrived yet; and what is handed on while its
 * partition goes away is not taken at all: nobody would make its calls, and its repeat would be dropped.
 */
export const takeSigned = (deps: TakeSignedDeps) => {
  const parking = new Parking(deps.writer);
  return async (batch: Batch): Promise<void> => {
    if (!deps.isOurs(batch.partition)) throw new HoldError(`partition ${batch.partition} was taken away`);
    const opened = batch.records.map((record) => ({ record, signed: open(record) }));
    for (const { signed } of opened) {
      if (signed.ok && !deps.webhooks.has(signed.delivery.webhookId, signed.delivery.ids.webhookVersion)) {
        throw new HoldError(
          `webhook ${signed.delivery.webhookId} v${signed.delivery.ids.webhookVersion} is not known yet`,
        );
      }
    }
    // All at once: while something is waited for, the partition may go away.
    for (const { signed } of opened) if (signed.ok) take(deps, parking, batch, signed.delivery);
    await parking.write(batch.signal);
    for (const { record, signed } of opened)
      if (!signed.ok) await refuse(deps, record, signed.reason).then(() => batch.settle(record));
  };
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

function take(deps: TakeSignedDeps, parking: Parking, batch: Batch, delivery: SignedDelivery): void {
  const settle = () => batch.settle(delivery.record);
  if (isFinished(deps.names, delivery)) return settle();
  const taken = deps.inHand.take(delivery, settle);
  if (taken === 'repeat') return settle();
  if (taken === 'same') return;
  const webhook = deps.webhooks.get(delivery.webhookId);
  if (webhook?.status === 'disabled' || webhook?.status === 'deleted') {
    return write(deps, delivery, { outcome: 'cancelled', at: deps.now(), reason: webhook.status });
  }
  if (!webhook) throw new Error(`webhook ${delivery.webhookId} was known when its batch came`);
  const reason = findPlace(deps, delivery, webhook);
  if (reason === undefined) return;
  // Parked: a row in the schedule holds it until the lane has room; progress goes on without it.
  if (reason === 'rate-limited') deps.gates.limitRate(webhook, delivery.partition);
  parking.add(delivery, parked(deps.now(), reason, deps.gates.times(webhook, reason)));
}

/** Its attempt was made, or it was put off: then its row holds it. */
const isFinished = (names: FinishedNames, { name, ids }: SignedDelivery): boolean =>
  names.has(name) || names.hasParked(name, ids.deferrals);

/** Why there is no place in the lane. Behind a gate only what the schedule has released may go: all else would overtake it. */
function findPlace(
  { lanes, gates, order }: TakeSignedDeps,
  delivery: SignedDelivery,
  webhook: Webhook,
): ParkReason | undefined {
  if (webhook.ordering === 'key' && !order.arrive(delivery)) return 'order';
  const held = gates.holds(webhook);
  if (held === 'circuit-open' || held === 'paused') gates.hold(webhook, delivery.partition);
  if (held && isFresh(delivery)) return held;
  const offered = lanes.offer(delivery);
  if (offered === 'taken') return undefined;
  return held ?? (offered === 'limited' ? 'rate-limited' : 'lane-full');
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
