import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Hop = 'ingest' | 'sign' | 'send' | 'archive' | 'total';

/** The product's metrics (interfaces.md, "Metrics"). No label per account, webhook or endpoint: their number is open. */
export interface Metrics {
  readonly registry: Registry;
  readonly eventsAccepted: Counter;
  readonly eventsDuplicate: Counter;
  readonly eventsRejected: Counter<'reason'>;
  readonly deliveries: Counter<'status'>;
  readonly attempts: Counter<'result'>;
  /** Seconds from the append of what a hop reads to the acknowledgement of what it writes; `total` from acceptance to the reply. */
  readonly hops: Readonly<Record<Hop, { observe(seconds: number): void }>>;
  readonly consumerLag: Gauge<'topic'>;
  /** Age of the oldest record that a group has not finished; 0 when it has finished all. */
  readonly consumerLagSeconds: Gauge<'group' | 'topic'>;
  /** Times that a group's lag became older than half of its topic's retention. */
  readonly consumerLate: Counter<'group' | 'topic'>;
  readonly lanes: Gauge<'state'>;
  readonly breakers: Gauge<'state'>;
  /** Orders in force that hold deliveries: of all, of an account, of a webhook. */
  readonly pauses: Gauge<'scope'>;
  readonly scheduleWaiting: Gauge;
  /** Records that a reader without a group (a directory) had to skip. */
  readonly recordsUnreadable: Counter<'topic'>;
  /** Calls `refresh` before each scrape: for gauges that are cheaper to look up than to keep. */
  beforeScrape(refresh: () => void | Promise<void>): void;
  /** The exposition text, refreshed. */
  scrape(): Promise<string>;
}

const HOP_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

/** New metrics on a registry of their own, Node's process metrics included unless `processMetrics` is false. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: `switchhook_${name}`, help, labelNames, registers });
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge<Label>({ name: `switchhook_${name}`, help, labelNames, registers });
  const refreshes: (() => void | Promise<void>)[] = [];
  return {
    registry,
    beforeScrape: (refresh) => void refreshes.push(refresh),
    scrape: async () => {
      await Promise.allSettled(refreshes.map(async (refresh) => refresh()));
      return registry.metrics();
    },
    eventsAccepted: counter('events_accepted_total', 'Events accepted, each once'),
    eventsDuplicate: counter('events_duplicate_total', 'Events that were known already'),
    eventsRejected: counter('events_rejected_total', 'Events refused, by the code of the reason', ['reason']),
    deliveries: counter('deliveries_total', 'Deliveries that reached a status', ['status']),
    attempts: counter('attempts_total', 'HTTP calls to endpoints, by result', ['result']),
    hops: hopHistograms(registers),
    consumerLag: gauge('consumer_lag', 'Records of a topic that this process has not yet handed on', ['topic']),
    consumerLagSeconds: gauge('consumer_lag_seconds', 'Age of the oldest record that a group has not finished', [
      'group',
      'topic',
    ]),
    consumerLate: counter('consumer_late_total', "Times that a group fell behind by half of its topic's retention", [
      'group',
      'topic',
    ]),
    lanes: gauge('lanes', 'Lanes of delivery, by state', ['state']),
    breakers: gauge('breakers', 'Circuit breakers, by state', ['state']),
    pauses: gauge('pauses', 'Orders in force that hold deliveries, by what they hold', ['scope']),
    scheduleWaiting: gauge('schedule_waiting', 'Attempts that wait in the schedule'),
    recordsUnreadable: counter('records_unreadable_total', 'Records that a directory skipped', ['topic']),
  };
}

function hopHistograms(registers: Registry[]): Metrics['hops'] {
  const histogram = new Histogram({
    name: 'switchhook_hop_seconds',
    help: 'Time that a hop takes, from the append of its input to the acknowledgement of its output',
    labelNames: ['hop'],
    buckets: HOP_BUCKETS_SECONDS,
    registers,
  });
  // Looked up once: every record of every hop is observed.
  const of = (hop: Hop) => histogram.labels({ hop });
  return { ingest: of('ingest'), sign: of('sign'), send: of('send'), archive: of('archive'), total: of('total') };
}

/** Notes that `hop` took from `sinceMs` to `nowMs` (epoch ms). Clocks of two machines may differ: never below 0. */
export function observeHop(metrics: Metrics, hop: Hop, sinceMs: number, nowMs: number): void {
  metrics.hops[hop].observe(Math.max(0, nowMs - sinceMs) / 1000);
}
