import type { Outcome } from '@switchhook/contracts';
import { outcomeRecord } from '@switchhook/domain';
import type { EventLog, OutgoingRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { InHand } from './in-hand.js';
import type { SignedDelivery } from './signed-delivery.js';

export interface RecordOutcomeDeps {
  readonly log: Pick<EventLog, 'publish'>;
  readonly names: FinishedNames;
  readonly inHand: InHand;
  readonly onUnavailable: (error: unknown) => void;
  /** The log has taken an outcome again: calls may begin that had to wait. */
  readonly onAcknowledged: () => void;
}

/** Calls begin only while fewer outcomes than this wait for the log (correctness.md §4). */
const AWAITING_MAX = 1_000;
const RETRY_MS = { first: 100, max: 5_000 };

/**
 * Writes outcomes to the log and, once the log has one, lets go of the record that it is about: its name is finished, and
 * progress may pass it. While the log is away an outcome is kept and tried again for ever: it is a fact.
 */
export class OutcomeWriter {
  private awaiting = 0;

  constructor(private readonly deps: RecordOutcomeDeps) {}

  /** Whether another call may begin. */
  mayStart(): boolean {
    return this.awaiting < AWAITING_MAX;
  }

  /** Resolves when the outcome is on the log. `and` is written with it, before the record is let go. */
  async record(delivery: SignedDelivery, outcome: Outcome, and: readonly OutgoingRecord[] = []): Promise<void> {
    const { names, inHand } = this.deps;
    const subject = { key: String(delivery.webhookId), headers: delivery.record.headers, data: delivery.data };
    await this.write([outcomeRecord(subject, outcome), ...and]);
    if (outcome.outcome !== 'deferred') names.add(delivery.name);
    inHand.settle(delivery.name);
  }

  /** Writes the record that asks for the same attempt again, and lets go of the signed one: nothing has happened. */
  async sendBack(delivery: SignedDelivery, requested: OutgoingRecord): Promise<void> {
    await this.write([requested]);
    this.deps.inHand.settle(delivery.name);
  }

  /** Publishes until acknowledged. */
  async write(records: readonly OutgoingRecord[]): Promise<void> {
    const couldStart = this.mayStart();
    this.awaiting += 1;
    for (let pauseMs = RETRY_MS.first; ; pauseMs = Math.min(RETRY_MS.max, pauseMs * 2)) {
      try {
        await this.deps.log.publish(records, { flush: false });
        break;
      } catch (error) {
        this.deps.onUnavailable(error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
      }
    }
    this.awaiting -= 1;
    if (!couldStart || this.awaiting === AWAITING_MAX - 1) this.deps.onAcknowledged();
  }
}
