import { Global, Module, type DynamicModule } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import type { Resources } from './resources.js';
import {
  ACCOUNT_DIRECTORY,
  CLOCK,
  CONSUMER_GROUPS,
  CREDENTIAL_DIRECTORY,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  KEY_RING,
  LOGGER,
  LOOPBACK_GRANTS,
  METRICS,
  READINESS,
  WEBHOOK_DIRECTORY,
} from './tokens.js';

/** What every service shares, under the tokens of tokens.ts, with `/health/*` and `/metrics`. */
@Global()
@Module({})
export class PlatformModule {
  static forRoot(resources: Resources): DynamicModule {
    const providers = [
      { provide: EVENT_LOG, useValue: resources.log },
      { provide: DATABASE, useValue: resources.database },
      { provide: DATABASE_URL, useValue: resources.databaseUrl },
      { provide: KEY_RING, useValue: resources.keyRing },
      { provide: METRICS, useValue: resources.metrics },
      { provide: CLOCK, useValue: resources.clock },
      { provide: WEBHOOK_DIRECTORY, useValue: resources.webhooks },
      { provide: CREDENTIAL_DIRECTORY, useValue: resources.credentials },
      { provide: ACCOUNT_DIRECTORY, useValue: resources.accounts },
      { provide: LOGGER, useValue: resources.logger },
      { provide: READINESS, useValue: resources.readiness },
      { provide: CONSUMER_GROUPS, useValue: resources.consumerGroups },
      { provide: LOOPBACK_GRANTS, useValue: resources.loopbackGrants },
    ];
    return {
      module: PlatformModule,
      global: true,
      controllers: [HealthController, MetricsController],
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}
