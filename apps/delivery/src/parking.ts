import type { Outcome } from '@switchhook/contracts';
import type { OutcomeWriter } from './record-outcome.js';
import type { SignedDelivery } from './signed-delivery.js';

/** Parked records that the log has not acknowledged, over all partitions: with more than this no further batch is taken. */
const UNACKNOWLEDGED_MAX = 2_000;

/** Parks what a batch has no place for: in as few writes as can be, so that calls of others may begin, and not without end. */
export class Parking {
  private added: { readonly delivery: SignedDelivery; readonly outcome: Outcome }[] = [];
  private unacknowledged = 0;

  constructor(private readonly writer: Pick<OutcomeWriter, 'recordAll'>) {}

  add(delivery: SignedDelivery, outcome: Outcome): void {
    this.added.push({ delivery, outcome });
  }

  /** Begins to write what was added; waits for the log only where too much waits for it, and not once `signal` is aborted. */
  async write(signal: AbortSignal): Promise<void> {
    if (this.added.length === 0) return;
    const parked = this.added;
    this.added = [];
    this.unacknowledged += parked.length;
    const written = this.writer.recordAll(parked).then(() => {
      this.unacknowledged -= parked.length;
    });
    if (this.unacknowledged > UNACKNOWLEDGED_MAX) await unlessAborted(written, signal);
  }
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal.addEventListener('abort', stop);
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', stop);
}
