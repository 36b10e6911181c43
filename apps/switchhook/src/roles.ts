import { AuditModule } from '@switchhook/audit';
import { DeliveryModule } from '@switchhook/delivery';
import { IngestionModule } from '@switchhook/ingestion';
import type { RunningService, ServiceOptions } from '@switchhook/platform';
import { SigningModule } from '@switchhook/signing';
import { SubscriptionsModule } from '@switchhook/subscriptions';
import { prepareOneMachine } from './one-machine.js';
import { deliverSampleEvent } from './sample-event.js';

/** Each service with the port that it has when it runs alone (interfaces.md, "Environment"). */
const SERVICES = {
  subscriptions: { modules: [SubscriptionsModule], defaultPort: 8081 },
  ingestion: { modules: [IngestionModule], defaultPort: 8082 },
  signing: { modules: [SigningModule], defaultPort: 8083 },
  delivery: { modules: [DeliveryModule], defaultPort: 8084 },
  audit: { modules: [AuditModule], defaultPort: 8085 },
} as const;

const isService = (role: string | undefined): role is keyof typeof SERVICES =>
  role !== undefined && Object.hasOwn(SERVICES, role);

/** What `ROLE` asks for: one service alone, or all of them behind one port (also for a role that is none: the settings say so). */
export function serviceFor(env: NodeJS.ProcessEnv): ServiceOptions {
  const role = env['ROLE'];
  if (isService(role)) return { name: role, ...SERVICES[role] };
  return {
    name: 'switchhook',
    modules: Object.values(SERVICES).flatMap(({ modules }) => modules),
    defaultPort: 8080,
    prepare: prepareOneMachine,
    onReady: announce,
  };
}

async function announce(service: RunningService): Promise<void> {
  process.stdout.write(`Switchhook is ready at ${service.url}\n`);
  if (!wantsSample(service.env)) return;
  try {
    await deliverSampleEvent(service);
    process.stdout.write('Sample event delivered: signature verified\n');
  } catch (error) {
    service.resources.logger.error({ err: error }, 'the sample event was not delivered');
  }
}

/** Unasked only where nothing but this machine is concerned. */
function wantsSample(env: NodeJS.ProcessEnv): boolean {
  const asked = env['SWITCHHOOK_SAMPLE'];
  return asked ? asked === 'on' : !env['KAFKA_BROKERS'];
}
