import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readKeyFile } from '../../libs/platform/src/key-file.js';
import { readSettings } from '../../libs/platform/src/settings.js';
import { SERVICES, keysForServices } from './services.mjs';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'switchhook-keys-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const envOf = (service: string) => parseEnv(readFileSync(join(folder, service, 'settings.env'), 'utf8'));

it('gives each service a key file that it takes, with the same public keys and its own private key only', async () => {
  keysForServices(folder);
  const all = await readKeyFile(join(folder, 'keys.json'));
  for (const service of SERVICES) {
    const path = join(folder, service, 'keys.json');
    const keys = await readKeyFile(path, service);
    expect(keys.map(({ id, use, public: key, secret }) => ({ id, use, key, secret }))).toEqual(
      all.map(({ id, use, public: key, secret }) => ({ id, use, key, secret })),
    );
    const own = all.filter(({ use }) => use === service).map(({ private: key }) => key);
    expect(keys.flatMap(({ private: key }) => key ?? [])).toEqual(own);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
});

it('gives each service the settings that it needs beside its servers, one token for all, the credential to one', () => {
  keysForServices(folder);
  const tokens = SERVICES.map((service) => {
    const servers = { KAFKA_BROKERS: 'kafka:9092', DATABASE_URL: 'postgres://a@b/c', SWITCHHOOK_KEYS: 'keys.json' };
    const settings = readSettings({ ...servers, ...envOf(service) }, { alone: true });
    expect(settings.SWITCHHOOK_ADMIN_USER).toBe(service === 'subscriptions' ? 'admin' : undefined);
    return settings.SWITCHHOOK_INTERNAL_TOKEN;
  });
  expect(new Set(tokens).size).toBe(1);
});

it('gives the same again when it is called again: nothing that was sealed is lost', () => {
  keysForServices(folder);
  const before = SERVICES.map((service) => [readFileSync(join(folder, service, 'keys.json'), 'utf8'), envOf(service)]);
  rmSync(join(folder, 'signing'), { recursive: true });
  keysForServices(folder);
  expect(SERVICES.map((service) => [readFileSync(join(folder, service, 'keys.json'), 'utf8'), envOf(service)])).toEqual(
    before,
  );
});
