import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  orStartError,
  readOrMakeAdminCredentials,
  readOrMakeKeyFile,
  startEmbeddedPostgres,
  type Preparation,
} from '@switchhook/platform';

/**
 * Makes what nobody named: an embedded PostgreSQL, keys and the platform credential, kept in `SWITCHHOOK_DATA`, and the
 * token between our own services. Answers with the environment that names them. Throws `StartError`.
 */
export async function prepareOneMachine(preparation: Preparation): Promise<NodeJS.ProcessEnv> {
  const { env, settings } = preparation;
  const dataDir = resolve(settings.SWITCHHOOK_DATA);
  await orStartError(`The data folder ${dataDir} cannot be made`, () => mkdir(dataDir, { recursive: true }));
  return {
    ...env,
    SWITCHHOOK_KEYS: settings.SWITCHHOOK_KEYS ?? (await madeKeys(join(dataDir, 'keys.json'))),
    SWITCHHOOK_INTERNAL_TOKEN: settings.SWITCHHOOK_INTERNAL_TOKEN ?? randomBytes(32).toString('base64url'),
    ...(settings.SWITCHHOOK_ADMIN_USER === undefined &&
      (await adminOf(preparation, join(dataDir, 'credentials.json')))),
    DATABASE_URL: settings.DATABASE_URL ?? (await databaseOf(preparation, dataDir)),
  };
}

async function madeKeys(path: string): Promise<string> {
  await readOrMakeKeyFile(path);
  return path;
}

async function adminOf({ url }: Preparation, path: string): Promise<NodeJS.ProcessEnv> {
  const { credentials, made } = await readOrMakeAdminCredentials(path, url);
  // To stderr: stdout is for the line that says that we are ready.
  if (made) {
    process.stderr.write(
      `The platform credential is ${credentials.username}:${credentials.password} (kept in ${path})\n`,
    );
  }
  return { SWITCHHOOK_ADMIN_USER: credentials.username, SWITCHHOOK_ADMIN_PASSWORD: credentials.password };
}

async function databaseOf({ env, logger, closer }: Preparation, dataDir: string): Promise<string> {
  const pinned = Boolean(env['SWITCHHOOK_DATA']);
  const postgres = await orStartError('The embedded PostgreSQL does not start', () =>
    startEmbeddedPostgres({ dataDir, logger, pinned }),
  );
  closer.add('embedded PostgreSQL', () => postgres.stop());
  return postgres.url;
}
