import { channel } from 'node:diagnostics_channel';
import { setTimeout as pause } from 'node:timers/promises';
import type { Outcome } from '@switchhook/contracts';
import { outcomeRecord } from '@switchhook/domain';
import type { EventLog, OutgoingRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { InHand } from './in-hand.js';
import type { SignedDelivery } from './signed-delivery.js';

/** Where chaos runs end the process (docs/adr/0035). */
const OUTCOME_WRITTEN = channel('switchhook.delivery.outcome-written');
const OUTCOME_SETTLED = channel('switchhook.delivery.outcome-settled');
const SENT_BACK = channel('switchhook.delivery.sent-back');

export interface RecordOutcomeDeps {
  readonly log: Pick<EventLog, 'publish'>;
  readonly names: FinishedNames;
  readonly inHand: InHand;
  /** The log has the outcome of this delivery. */
  readonly onOutcome?: (delivery: SignedDelivery, outcome: Outcome) => void;
  readonly onUnavailable: (error: unknown) => void;
  /** The log has taken an outcome again: calls may begin that had to wait. */
  readonly onAcknowledged: () => void;
}

interface Recorded {
  readonly delivery: SignedDelivery;
  readonly outcome: Outcome;
}

/** Calls begin only while fewer outcomes than this wait for the log (correctness.md §4). */
const AWAITING_MAX = 1_000;
/** Records in one write: bounds what is made again when it fails. */
const AT_ONCE = 100;
/** Well below the 100 ms of answers that a kill may cost (they are called again), and the time of four events at 200 a second. */
const GATHER_MS = 20;
/** Not for the log: for whoever waits for the end of the delivery here. */
const ENDED_ELSEWHERE: Outcome = { outcome: 'cancelled', at: 0 };
const RETRY_MS = { first: 100, max: 5_000 };

/**
 * Writes outcomes to the log and, once the log has one, lets go of the record that it is about: its name is finished, and
 * progress may pass it. While the log is away an outcome is kept and tried again for ever: it is a fact.
 */
export class OutcomeWriter {
  private awaiting = 0;
  private gathered: Recorded[] = [];
  private gathering: NodeJS.Timeout | undefined;

  constructor(private readonly deps: RecordOutcomeDeps) {}

  /** Whether another call may begin. */
  mayStart(): boolean {
    return this.awaiting + this.gathered.length < AWAITING_MAX;
  }

  /**
   * Writes an outcome that nobody waits for, with those that come within 20 ms: a write costs the log and its readers as much as
   * many records do.
   */
  recordSoon(delivery: SignedDelivery, outcome: Outcome): void {
    this.gathered.push({ delivery, outcome });
    if (this.gathered.length >= AT_ONCE) this.flush();
    else this.gathering ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Writes now what waits for others. */
  flush(): void {
    clearTimeout(this.gathering);
    this.gathering = undefined;
    const gathered = this.gathered;
    this.gathered = [];
    void this.recordTogether(gathered, gathered.length);
  }

  /** Resolves when the outcome is on the log. */
  async record(delivery: SignedDelivery, outcome: Outcome): Promise<void> {
    await this.recordAll([{ delivery, outcome }]);
  }

  /** The outcomes of many deliveries, in their order: as few writes, so that they keep no other call from beginning. */
  async recordAll(all: readonly Recorded[]): Promise<void> {
    for (let from = 0; from < all.length; from += AT_ONCE)
      await this.recordTogether(all.slice(from, from + AT_ONCE), 1);
  }

  /** Lets go of it if the log has its end, which somebody else has written. True if so. */
  dropEnded(delivery: SignedDelivery): boolean {
    const { names, inHand, onOutcome } = this.deps;
    if (!names.hasEnded(delivery.ids)) return false;
    inHand.settle(delivery.name);
    onOutcome?.(delivery, ENDED_ELSEWHERE);
    return true;
  }

  /** `calls`: for how many calls this counts until the log has it. */
  private async recordTogether(all: readonly Recorded[], calls: number): Promise<void> {
    const { names, inHand, onOutcome } = this.deps;
    const some = all.filter((one) => !this.isOver(one));
    if (some.length === 0) return;
    const records = some.map(({ delivery, outcome }) => recordOf(delivery, outcome));
    await this.write(records, calls);
    OUTCOME_WRITTEN.publish(some[0]?.outcome.outcome);
    for (const { delivery, outcome } of some) {
      if (outcome.outcome === 'deferred') names.addParked(delivery.name, delivery.ids.deferrals);
      else names.add(delivery.name);
      inHand.settle(delivery.name);
      onOutcome?.(delivery, outcome);
    }
    OUTCOME_SETTLED.publish(undefined);
  }

  /** That it was put off is no news of a delivery that has ended; a call that was made is, whenever. */
  private isOver({ delivery, outcome }: Recorded): boolean {
    return outcome.attempt === undefined && this.dropEnded(delivery);
  }

  /**
   * Writes the record that asks for the same attempt again, and lets go of the signed one: nothing has happened. The log may have
   * the request, and we the newly signed record, long before the log says so: while the broker is away for a moment, for example.
   */
  async sendBack(delivery: SignedDelivery, requested: OutgoingRecord): Promise<void> {
    const settle = this.deps.inHand.letGo(delivery.name);
    await this.write([requested]);
    SENT_BACK.publish(undefined);
    settle();
  }

  /** Publishes until acknowledged; until then it counts as so many calls. */
  async write(records: readonly OutgoingRecord[], calls = 1): Promise<void> {
    this.awaiting += calls;
    for (let pauseMs = RETRY_MS.first; ; pauseMs = Math.min(RETRY_MS.max, pauseMs * 2)) {
      try {
        await this.deps.log.publish(records, { flush: false });
        break;
      } catch (error) {
        this.deps.onUnavailable(error);
        // It must not keep a process alive that has stopped: the attempt is made again by whoever reads its record next.
        await pause(pauseMs, undefined, { ref: false });
      }
    }
    const mightStart = this.mayStart();
    this.awaiting -= calls;
    if (!mightStart && this.mayStart()) this.deps.onAcknowledged();
  }
}

const recordOf = ({ webhookId, record, data }: SignedDelivery, outcome: Outcome): OutgoingRecord =>
  outcomeRecord({ key: String(webhookId), headers: record.headers, data }, outcome);
