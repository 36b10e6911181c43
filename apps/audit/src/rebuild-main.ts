import 'reflect-metadata';
import { migrate, openDatabase } from '@switchhook/event-store';
import {
  ConfigError,
  createLogger,
  reachEmbeddedPostgres,
  readSettings,
  StartError,
  type ReachedPostgres,
  type Settings,
} from '@switchhook/platform';
import { AUDIT_MIGRATIONS } from './migrations/all.js';
import { rebuildViews } from './rebuild.js';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const PROGRESS_EVERY_MS = 1_000;

async function reach(settings: Settings): Promise<ReachedPostgres> {
  if (settings.DATABASE_URL !== undefined) return { url: settings.DATABASE_URL, stop: async () => {} };
  const logger = createLogger({ service: 'audit-rebuild', level: 'warn' });
  const pinned = Boolean(process.env['SWITCHHOOK_DATA']);
  return reachEmbeddedPostgres({ dataDir: settings.SWITCHHOOK_DATA, pinned, logger });
}

async function rebuild(url: string): Promise<void> {
  await migrate({ url, schema: 'audit', migrations: AUDIT_MIGRATIONS });
  const database = await openDatabase({ url, applicationName: 'audit rebuild', poolSize: 4, log: say });
  try {
    let saidAt = Date.now();
    const onProgress = (records: number): void => {
      if (Date.now() - saidAt < PROGRESS_EVERY_MS) return;
      saidAt = Date.now();
      say(`${records} records applied`);
    };
    const { records, before, after } = await rebuildViews({ database, onProgress });
    process.stdout.write(`${records} records applied\nbefore ${before}\nafter  ${after}\n`);
    process.stdout.write(before === after ? 'The views are the same.\n' : 'The views were wrong, and are right now.\n');
  } finally {
    await database.destroy();
  }
}

try {
  const postgres = await reach(readSettings(process.env, { alone: false }));
  try {
    await rebuild(postgres.url);
  } finally {
    await postgres.stop();
  }
} catch (error) {
  const expected = error instanceof StartError || error instanceof ConfigError;
  say(expected ? error.message : `The rebuild failed, and the views are as they were: ${String(error)}`);
  process.exitCode = 1;
}
