// Key files for services that run alone: made once, given out at each call, so that a call that was cut off does no harm.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeys } from '../../libs/platform/src/keys.ts';
import { replaceFile, textOf } from './write.mjs';

export const SERVICES = ['subscriptions', 'ingestion', 'signing', 'delivery', 'audit'];

/**
 * In `folder`: `keys.json` with all keys, and `settings.json` with the token between services and the platform's credential,
 * both made if they are not there. In `folder/<service>`: `keys.json` without the private keys of the others, and
 * `settings.env`, which `node --env-file` reads.
 */
export function keysForServices(folder) {
  const keys = readOrMake(join(folder, 'keys.json'), generateKeys);
  const settings = readOrMake(join(folder, 'settings.json'), generateSettings);
  for (const service of SERVICES) {
    replaceFile(join(folder, service, 'keys.json'), textOf(keys.map((key) => keyFor(key, service))));
    replaceFile(join(folder, service, 'settings.env'), envFor(settings, service));
  }
}

function readOrMake(path, make) {
  if (!existsSync(path)) replaceFile(path, textOf(make()));
  return JSON.parse(readFileSync(path, 'utf8'));
}

const generateSettings = () => ({
  internalToken: randomBytes(32).toString('base64url'),
  adminUser: 'admin',
  adminPassword: randomBytes(24).toString('base64url'),
});

/** The HMAC secret of credentials is everybody's: every service that answers HTTP checks passwords. */
function keyFor({ private: privateKey, ...key }, service) {
  return key.use === service ? { ...key, private: privateKey } : key;
}

function envFor({ internalToken, adminUser, adminPassword }, service) {
  const lines = [`SWITCHHOOK_INTERNAL_TOKEN=${internalToken}`];
  if (service === 'subscriptions') {
    lines.push(`SWITCHHOOK_ADMIN_USER=${adminUser}`, `SWITCHHOOK_ADMIN_PASSWORD=${adminPassword}`);
  }
  return `${lines.join('\n')}\n`;
}
