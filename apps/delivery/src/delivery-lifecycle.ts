import type { Metrics, Pauses } from '@switchhook/platform';
import type { Delivery } from './delivery.js';
import type { HttpSender } from './http-sender.js';
import type { Schedule } from './schedule.js';

export interface DeliveryLifecycleDeps {
  readonly delivery: Delivery;
  readonly schedule: Schedule;
  readonly pauses: Pick<Pauses, 'counts'>;
  readonly sender: HttpSender;
  readonly metrics: Metrics;
}

const GAUGES_MS = 5_000;

/** Follows the process: gauges while it runs, and ends what delivery holds at its end. Nest calls the hook. */
export class DeliveryLifecycle {
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly deps: DeliveryLifecycleDeps) {
    this.timer = setInterval(() => void this.countWaiting(), GAUGES_MS).unref();
    deps.metrics.beforeScrape(() => this.setGauges());
  }

  /** Runs after consumers are closed. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
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

  private async countWaiting(): Promise<void> {
    const { delivery, schedule, metrics } = this.deps;
    const { partitions } = delivery.counts();
    const waiting = await schedule.count(partitions).catch(() => undefined);
    if (waiting !== undefined) metrics.scheduleWaiting.set(waiting);
  }
}
