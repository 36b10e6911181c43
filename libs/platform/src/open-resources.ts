import { openDatabase, openProcessRegister } from '@switchhook/event-store';
import type { Logger } from 'pino';
import { createAccountDirectory } from './account-directory.js';
import { checkPositions } from './check-positions.js';
import type { Closer } from './closer.js';
import { ConsumerGroups } from './consumer-groups.js';
import { openCredentialDirectory } from './credential-directory.js';
import { readKeyFile } from './key-file.js';
import { createKeyRing, credentialSecrets, type KeyRing } from './keys.js';
import { LoopbackGrants } from './loopback-grants.js';
import { createMetrics } from './metrics.js';
import { openLog } from './open-log.js';
import { createPasswordCheck } from './password-verifier.js';
import type { Readiness } from './readiness.js';
import type { Resources } from './resources.js';
import type { Settings } from './settings.js';
import { orStartError } from './start-error.js';
import { openWebhookDirectory } from './webhook-directory.js';

/** Connections to the database for a service alone, and for all of them in one process. */
const POOL_OF_ONE = 10;
const POOL_OF_ALL = 20;

export interface OpenOptions {
  readonly name: string;
  /** Whether the process is one service of several: then its key file may hold no private keys of another. */
  readonly alone: boolean;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly readiness: Readiness;
  /** Gets what must be closed, in the order in which it was opened. */
  readonly closer: Closer;
}

/**
 * Opens what the services share: keys, database, log, directories. Waits (and says so) while a server is not there yet.
 * What was opened is with `closer`, also when this throws.
 */
export async function openResources(options: OpenOptions): Promise<Resources> {
  const { name, alone, settings, logger, readiness, closer } = options;
  const clock = (): number => Date.now();
  const keyRing = await readKeys(options);
  const metrics = createMetrics();
  const databaseUrl = settings.DATABASE_URL ?? '';
  const opening = startingCheck(readiness);
  opening('database');
  const database = await orStartError('The database refuses us', () =>
    openDatabase({
      url: databaseUrl,
      applicationName: name,
      poolSize: alone ? POOL_OF_ONE : POOL_OF_ALL,
      log: (line) => logger.info(line),
    }),
  );
  closer.add('database', () => database.destroy());
  opening('log');
  const members = settings.KAFKA_BROKERS ? await openProcessRegister(database, databaseUrl) : undefined;
  if (members) closer.add('process register', () => members.close());
  const log = await openLog({ settings, databaseUrl, clientId: name, logger, members });
  closer.add('event log', () => log.close());
  await orStartError('The event log refuses us', () => log.start());
  await checkPositions(log, database);
  opening(undefined);
  readiness.add('log', () => reasonOf(log.health()));
  const deps = { log, metrics, logger };
  const webhooks = await openWebhookDirectory(deps);
  closer.add('webhook directory', () => webhooks.close());
  const checkPassword = createPasswordCheck(credentialSecrets(keyRing));
  const credentials = await openCredentialDirectory({ ...deps, checkPassword, clock });
  closer.add('credential directory', () => credentials.close());
  for (const [directory, { caughtUp }] of Object.entries({ webhooks, credentials })) {
    readiness.add(directory, () => (caughtUp() ? undefined : 'the directory is being read'));
  }
  const accounts = createAccountDirectory(webhooks, credentials);
  const inProcess = { consumerGroups: new ConsumerGroups(), loopbackGrants: new LoopbackGrants() };
  return {
    ...{ log, database, databaseUrl, keyRing, metrics, clock, webhooks, credentials, accounts },
    ...{ logger, readiness, ...inProcess },
  };
}

async function readKeys({ name, alone, settings }: OpenOptions): Promise<KeyRing> {
  return createKeyRing(await readKeyFile(settings.SWITCHHOOK_KEYS ?? '', alone ? name : undefined));
}

/** Says on `/health/ready` what the start waits for. */
function startingCheck(readiness: Readiness): (what: string | undefined) => void {
  let waitingFor: string | undefined;
  readiness.add('start', () => (waitingFor === undefined ? undefined : `waiting for the ${waitingFor}`));
  return (what) => void (waitingFor = what);
}

const reasonOf = ({ ok, reason }: { ok: boolean; reason?: string }): string | undefined =>
  ok ? undefined : (reason ?? 'the log is not well');
