import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { createAccountDirectory } from '../account-directory.js';
import { ConsumerGroups } from '../consumer-groups.js';
import { openCredentialDirectory } from '../credential-directory.js';
import { createKeyRing, credentialSecrets, generateKeys } from '../keys.js';
import { LoopbackGrants } from '../loopback-grants.js';
import { createMetrics } from '../metrics.js';
import { createPasswordCheck } from '../password-verifier.js';
import { Readiness } from '../readiness.js';
import type { Resources } from '../resources.js';
import { openWebhookDirectory } from '../webhook-directory.js';
import { FakeLog } from './fake-log.js';

export interface FakeResources extends Resources {
  readonly log: FakeLog;
  /** What was logged, line by line. */
  readonly lines: string[];
}

/** Real directories over a log in memory; there is no database. */
export async function fakeResources(clock: () => number = () => 0): Promise<FakeResources> {
  const log = new FakeLog();
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });
  const metrics = createMetrics({ processMetrics: false });
  const keyRing = createKeyRing(generateKeys());
  const checkPassword = createPasswordCheck(credentialSecrets(keyRing));
  const webhooks = await openWebhookDirectory({ log, metrics, logger });
  const credentials = await openCredentialDirectory({ log, metrics, logger, checkPassword, clock });
  return {
    ...{ log, lines, logger, metrics, keyRing, webhooks, credentials, clock },
    database: undefined as unknown as DataSource,
    databaseUrl: '',
    accounts: createAccountDirectory(webhooks, credentials),
    readiness: new Readiness(),
    consumerGroups: new ConsumerGroups(),
    loopbackGrants: new LoopbackGrants(),
  };
}
