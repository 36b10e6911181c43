import type { Metrics, Pauses } from '@switchhook/platform';
import type { Delivery } from './delivery.js';
import type { HttpSender } from './http-sender.js';
import type { Schedule } from './schedule.js';
import { WaitingCount } from './waiting-count.js';

export interface DeliveryLifecycleDeps {
  readonly delivery: Delivery;
  readonly schedule: Schedule;
  readonly pauses: Pick<Pauses, 'counts'>;
  readonly sender: HttpSender;
  readonly metrics: Metrics;
}

/** Follows the process: gauges while it runs, and ends what delivery holds at its end. Nest calls the hook. */
export class DeliveryLifecycle {
  private readonly waiting: WaitingCount;

  constructor(private readonly deps: DeliveryLifecycleDeps) {
    const { delivery, schedule, metrics } = deps;
    this.waiting = new WaitingCount({
      count: () => schedule.count(delivery.counts().partitions),
      onCounted: (count) => metrics.scheduleWaiting.set(count),
    });
    metrics.beforeScrape(() => this.setGauges());
  }

  /** Runs after consumers are closed. */
  async onApplicationShutdown(): Promise<void> {
    this.waiting.stop();
    await this.deps.delivery.close();
    await this.deps.sender.close();
  }

  private setGauges(): void {
    const { delivery, pauses, metrics } = this.deps;
    const { lanes, records, calls, breakers } = delivery.counts();
    metrics.lanes.set({ state: 'busy' }, lanes);
    metrics.lanes.set({ state: 'records' }, records);
    metrics.lanes.set({ state: 'calls' }, calls);
    for (const [state, count] of Object.entries(breakers)) metrics.breakers.set({ state }, count);
    for (const [scope, count] of Object.entries(pauses.counts())) metrics.pauses.set({ scope }, count);
  }
}
