import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ServerAccount } from './server-account.js';
import { StartError } from '../start-error.js';

const DATABASE = 'switchhook';
const USER = 'switchhook';

/** A cluster on the disk: what is needed to start and to reach it. */
export interface Cluster {
  /** PostgreSQL's data folder. */
  readonly data: string;
  /** The connection string for a port. */
  urlOn(port: number): string;
}

/** Finds the cluster in `home`, or makes it: complete or not at all, however this process ends. */
export function openCluster(home: string, bin: string, account: ServerAccount): Cluster {
  const data = join(home, 'postgres');
  const passwordFile = join(home, 'postgres-password');
  if (!existsSync(join(data, 'PG_VERSION'))) createCluster({ home, data, passwordFile, bin, account });
  const password = readFileSync(passwordFile, 'utf8').trim();
  return { data, urlOn: (port) => `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}` };
}

interface NewCluster {
  readonly home: string;
  readonly data: string;
  readonly passwordFile: string;
  readonly bin: string;
  readonly account: ServerAccount;
}

function createCluster({ home, data, passwordFile, bin, account }: NewCluster): void {
  for (const name of readdirSync(home))
    if (name.startsWith('postgres.new-')) rmSync(join(home, name), { recursive: true, force: true });
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  const staging = join(home, `postgres.new-${randomUUID()}`);
  mkdirSync(staging, { mode: 0o700 });
  // initdb reads the one and fills the other under the server's account; root reads both anyway.
  if (account) for (const path of [passwordFile, staging]) chownSync(path, account.uid, account.gid);
  const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, `--username=${USER}`];
  run(join(bin, 'initdb'), ['-D', staging, ...access, '-E', 'UTF8', '--locale=C'], account);
  // Without a server: it must not be reachable before it is complete.
  run(join(bin, 'postgres'), ['--single', '-D', staging, 'postgres'], account, `CREATE DATABASE ${DATABASE}`);
  renameSync(staging, data);
}

function run(program: string, options: readonly string[], account: ServerAccount, input = ''): void {
  const { status, error, stderr } = spawnSync(program, options, { ...account, cwd: '/', input, encoding: 'utf8' });
  if (status !== 0) throw new StartError(`PostgreSQL's ${program} failed: ${error?.message ?? stderr.trim()}`);
}
