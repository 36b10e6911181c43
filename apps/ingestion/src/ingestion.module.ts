import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { EventLog } from '@switchhook/event-log';
import {
  ACCOUNT_DIRECTORY,
  CLOCK,
  CONSUMER_GROUPS,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  LOGGER,
  METRICS,
  WEBHOOK_DIRECTORY,
  type AccountDirectory,
  type ConsumerGroups,
  type Metrics,
  type WebhookDirectory,
} from '@switchhook/platform';
import type { Logger } from 'pino';
import { accept } from './accept.js';
import { AccountRates } from './account-rates.js';
import { appendInTurns } from './append-in-turns.js';
import type { AcceptedNames, NamedBatch } from './accepted-names.js';
import { appendWithNames, lookUpThenAppend, type AppendNew } from './append-new.js';
import { readIngestionConfig, type IngestionConfig } from './config.js';
import { ingestCounters } from './counters.js';
import { EventsConsumer, INGEST_EVENTS } from './events.consumer.js';
import { ACCEPT_EVENTS, EventsController } from './events.controller.js';
import { ingest, type Claims, type IngestCounters, type IngestDeps, type IngestEvents } from './ingest.js';
import { ingestAhead } from './ingest-ahead.js';
import { Intake } from './intake.js';
import { LargeRequests } from './large-requests.js';
import { loopUse } from './loop-use.js';
import { NameLookup } from './name-lookup.js';
import { NamesCleanup } from './names-cleanup.js';
import { openClaims, openNames } from './open-names.js';
import { SpareTime } from './spare-time.js';

const NAMES = Symbol('NAMES');
const CLAIMS = Symbol('CLAIMS');
const COUNTERS = Symbol('COUNTERS');
const INGEST_DEPS = Symbol('INGEST_DEPS');
const INGEST_GROUP = Symbol('INGEST_GROUP');

/** Enough to keep ingestion busy; what stands in front of anybody's event is worked off in some thousandths of a second. */
const INTAKE = { allMax: 2_000, accountMax: 10 };
/** Events a second that an account may bring by HTTP however busy the process is; its rate, if that is more. */
const NEVER_HELD = 500;
/** Of these, what it may bring with large requests while others send small ones; and how much of the event loop above that. */
const BESIDE_OTHERS = { part: 0.1, inUseMax: 0.35 };
/** While no others do, how much of the event loop: where events come by Kafka, too, we do not see whether they do. */
const ALONE_IN_USE_MAX = { byHttp: 0.9, byKafkaToo: 0.5 };

function appendNewTo(log: EventLog, names: AcceptedNames): AppendNew {
  if (log.publishOnce) return appendWithNames((records, table) => log.publishOnce!(records, table), names);
  const lookup = new NameLookup((eventKeys) => names.known(eventKeys));
  return lookUpThenAppend(
    (eventKeys) => lookup.known(eventKeys),
    (records, options) => log.publish(records, options),
  );
}

/** Tells the intake what has been worked off. */
const noting =
  (intake: Intake, run: IngestEvents): IngestEvents =>
  async (batch) => {
    const outputs = await run(batch);
    const last = batch.records.at(-1);
    if (last) intake.workedOff(batch.partition, last.position + 1);
    return outputs;
  };

const intakeProvider = ({ accountRate }: IngestionConfig): Provider => ({
  provide: Intake,
  inject: [EVENT_LOG, CLOCK],
  useFactory: (log: EventLog, now: () => number) => {
    const perSecond = Math.max(NEVER_HELD, accountRate.perSecond);
    const ratesOf = (part: number) =>
      new AccountRates({ perSecond: perSecond * part, burst: INTAKE.accountMax / 2 }, now);
    const inUseMax = log.publishOnce ? ALONE_IN_USE_MAX.byHttp : ALONE_IN_USE_MAX.byKafkaToo;
    const shares = {
      alone: { guaranteed: ratesOf(1), inUseMax },
      besideOthers: { guaranteed: ratesOf(BESIDE_OTHERS.part), inUseMax: BESIDE_OTHERS.inUseMax },
    };
    return new Intake({ ...INTAKE, spare: new SpareTime(shares, loopUse(), now) });
  },
});

/** How the group `ingestion` reads: with the watermark of each partition, and ahead where that can be. */
const groupProvider: Provider = {
  provide: INGEST_GROUP,
  inject: [INGEST_DEPS, CONSUMER_GROUPS, NAMES, Intake, LOGGER],
  useFactory: (
    deps: IngestDeps,
    groups: ConsumerGroups,
    names: AcceptedNames,
    intake: Intake,
    logger: Logger,
  ): void => {
    const workedOff = (batch: NamedBatch): void => {
      intake.workedOff(batch.partition, batch.events.at(-1)!.position + 1);
      names.workedOff(batch).catch((error: unknown) => logger.warn({ err: error }, 'the watermark is not stored'));
    };
    groups.configure('ingestion', {
      ahead: ingestAhead({ ...deps, workedOff }),
      onAssigned: async ({ partition }) => {
        await names.loadWatermark(partition);
        intake.assigned(partition);
      },
      onRevoked: async (partition) => intake.revoked(partition),
    });
  },
};

/** Names → requests, ahead of the append or after it. */
const ingestProviders = (config: IngestionConfig): Provider[] => [
  {
    provide: INGEST_DEPS,
    inject: [WEBHOOK_DIRECTORY, ACCOUNT_DIRECTORY, NAMES, CLAIMS, COUNTERS, CLOCK],
    useFactory: (
      receivers: WebhookDirectory,
      accounts: AccountDirectory,
      names: AcceptedNames,
      claims: Claims,
      counters: IngestCounters,
      now: () => number,
    ): IngestDeps => {
      const rates = new AccountRates(config.accountRate, now);
      return { receivers, accounts, names, claims, rates, counters, now };
    },
  },
  {
    provide: INGEST_EVENTS,
    inject: [INGEST_DEPS, Intake],
    useFactory: (deps: IngestDeps, intake: Intake) => noting(intake, ingest(deps)),
  },
  groupProvider,
];

/** In the order of the flow: HTTP → log → names → requests. */
const providers = (config: IngestionConfig): Provider[] => [
  { provide: COUNTERS, inject: [METRICS, CLOCK], useFactory: ingestCounters },
  { provide: NAMES, inject: [EVENT_LOG, DATABASE, DATABASE_URL], useFactory: openNames },
  // After the names, which bring the tables up to date.
  { provide: CLAIMS, inject: [DATABASE, NAMES], useFactory: openClaims },
  intakeProvider(config),
  {
    provide: ACCEPT_EVENTS,
    inject: [EVENT_LOG, NAMES, ACCOUNT_DIRECTORY, METRICS, CLOCK, Intake],
    useFactory: (
      log: EventLog,
      names: AcceptedNames,
      accounts: AccountDirectory,
      metrics: Metrics,
      now: () => number,
      intake: Intake,
    ) => {
      return accept({
        accounts,
        appendNew: appendInTurns(intake, (eventKeys) => names.known([...eventKeys]), appendNewTo(log, names)),
        large: new LargeRequests(),
        onDuplicates: (count) => metrics.eventsDuplicate.inc(count),
        now,
        limits: config,
      });
    },
  },
  ...ingestProviders(config),
  {
    provide: NamesCleanup,
    inject: [NAMES, CLOCK, LOGGER],
    useFactory: (names: AcceptedNames, now: () => number, logger: Logger) => {
      const onError = (error: unknown): void => logger.warn({ err: error }, 'old names of events are not deleted');
      return new NamesCleanup({
        names,
        now,
        keptHours: config.namesKeptHours,
        everyMs: config.cleanupEveryMs,
        onError,
      });
    },
  },
];

@Module({})
export class IngestionModule {
  static register(env: NodeJS.ProcessEnv): DynamicModule {
    return {
      module: IngestionModule,
      controllers: [EventsController, EventsConsumer],
      providers: providers(readIngestionConfig(env)),
    };
  }
}
