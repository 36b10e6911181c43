import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EventLogStrategy } from './event-log.strategy.js';
import { LagWatch } from './lag-watch.js';
import type { Resources } from './resources.js';

/** The consumers of a process while they run. */
export interface Consuming {
  /** Closes all consumers: each has its calls under way to wait for. */
  close(): Promise<void>;
}

/**
 * Starts the consumers of all modules of `app`, which is initialised: every async provider of every module is up. First the
 * directories catch up, or the first batches would be held. Resolves when all groups have joined.
 */
export async function startConsumers(app: NestFastifyApplication, resources: Resources): Promise<Consuming> {
  const { log, consumerGroups, metrics, webhooks, credentials, readiness, clock, logger } = resources;
  await Promise.all([webhooks.whenCaughtUp, credentials.whenCaughtUp]);
  const strategy = new EventLogStrategy({ log, groups: consumerGroups });
  // The filter of the application is what keeps Nest from renaming what a consumer throws; one that is set on the
  // microservice itself comes too late, its handlers are made by this call.
  app.connectMicroservice({ strategy }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  consumerGroups.reportLag(() => strategy.lag());
  const watch = new LagWatch({ lags: () => strategy.lags(), now: clock, metrics, logger });
  readiness.add('lag', () => watch.check());
  metrics.beforeScrape(() => {
    for (const [topic, lag] of Object.entries(strategy.lag())) metrics.consumerLag.set({ topic }, lag);
    watch.measure();
  });
  const close = async (): Promise<void> => {
    watch.close();
    await strategy.close();
  };
  return { close };
}
