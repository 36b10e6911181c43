// The product of a run: one process with everything, or one per service and up to two more that deliver.
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './servers.mjs';
import { ServiceProcess } from './process.mjs';
import { SERVICES, keysForServices } from '../keys/services.mjs';

const USER = 'operator';
const PASSWORD = 'chaos-all-the-way';
const HEAP_MB = { alone: 128, all: 384 };
/** Half of the load is above it and takes the bulk topic. */
const ACCOUNT_RATE = '15';

export const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;

/**
 * Makes the processes; none is started yet. `separate`: one per service (Kafka only). `{ processes, extras, of(service),
 * prefix, stop() }`; `extras` are further members of the group that delivers.
 */
export async function makeProduct({ engine, separate, postgres, kafka, logDir }) {
  const folder = mkdtempSync(join(tmpdir(), 'switchhook-chaos-'));
  chmodSync(folder, 0o755);
  mkdirSync(logDir, { recursive: true });
  const prefix = `chaos${randomUUID().slice(0, 8)}.`;
  const env = {
    LOG_LEVEL: 'info',
    DATABASE_URL: postgres.url,
    SWITCHHOOK_DATA: folder,
    SWITCHHOOK_SAMPLE: 'off',
    SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    SWITCHHOOK_ACCOUNT_RATE: ACCOUNT_RATE,
    SWITCHHOOK_ACCOUNT_BURST: ACCOUNT_RATE,
    SWITCHHOOK_ADMIN_USER: USER,
    SWITCHHOOK_ADMIN_PASSWORD: PASSWORD,
    ...(engine === 'kafka' && { KAFKA_BROKERS: kafka.brokers, TOPIC_PREFIX: prefix }),
  };
  const make = async (name, app, roles, more = {}) =>
    new ServiceProcess({
      ...{ name, app, roles, port: await freePort(), logFile: join(logDir, `${name}.log`) },
      heapMb: roles.length > 1 ? HEAP_MB.all : HEAP_MB.alone,
      env: { ...env, ...more },
    });
  let processes;
  let extras = [];
  if (separate) {
    keysForServices(folder);
    const token = randomBytes(32).toString('base64url');
    const alone = (service) => ({
      SWITCHHOOK_KEYS: join(folder, service, 'keys.json'),
      SWITCHHOOK_INTERNAL_TOKEN: token,
    });
    const one = (service, name = service) => make(name, service, [service], alone(service));
    processes = await Promise.all(SERVICES.map((service) => one(service)));
    extras = await Promise.all([2, 3].map((number) => one('delivery', `delivery-${number}`)));
  } else {
    processes = [await make('all', 'switchhook', [...SERVICES, 'all'])];
  }
  const of = (service) => processes.find(({ roles }) => roles.includes(service));
  const stop = async () => {
    await Promise.all([...processes, ...extras].map((one) => one.close()));
    rmSync(folder, { recursive: true, force: true });
  };
  return { processes, extras, of, prefix, stop };
}
