import { observeHop, type Metrics } from '@switchhook/platform';
import { Counter } from 'prom-client';
import type { IngestCounters } from './ingest.js';

/** What ingestion counts, as metrics of the process (interfaces.md, "Metrics"). */
export function ingestCounters(metrics: Metrics, now: () => number): IngestCounters {
  const wrongKey = new Counter({
    name: 'switchhook_events_wrong_key_total',
    help: 'Records of events.v1 whose key is not accountid:subject: their order is not kept',
    registers: [metrics.registry],
  });
  return {
    accepted: (count) => metrics.eventsAccepted.inc(count),
    duplicate: (count) => metrics.eventsDuplicate.inc(count),
    rejected: (reason) => metrics.eventsRejected.inc({ reason }),
    wrongKey: () => wrongKey.inc(),
    done: (appendedAtMs) => observeHop(metrics, 'ingest', appendedAtMs, now()),
  };
}
