import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { StartError } from '../start-error.js';
import type { ServerAccount } from './server-account.js';

/** How to start a server on a data folder. */
export interface PostmasterOptions {
  readonly bin: string;
  readonly data: string;
  readonly port: number;
  readonly account: ServerAccount;
  readonly timeoutMs: number;
}

/** Why a server did not come up: `said` is what it wrote. */
export class PostmasterError extends StartError {
  constructor(readonly said: string) {
    super(`PostgreSQL does not start: ${said.trim().split('\n').slice(-5).join('\n')}`);
    this.name = 'PostmasterError';
  }
}

/**
 * Starts a server for TCP on 127.0.0.1 only, and resolves with its process when it takes connections. It has a process
 * group of its own: Ctrl-C in a terminal must reach us only, who stop it last.
 */
export async function startPostmaster({
  bin,
  data,
  port,
  account,
  timeoutMs,
}: PostmasterOptions): Promise<ChildProcess> {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'fsync=on'];
  const options = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(bin, 'postgres'), options, {
    ...account,
    cwd: data,
    detached: true,
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await ready(server, timeoutMs);
  // From here on its log is only drained: a full pipe would stop the server.
  server.stderr?.removeAllListeners('data').resume();
  return server;
}

function ready(server: ChildProcess, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => {
      server.kill('SIGQUIT');
      settle(() => reject(new PostmasterError(said + why)));
    };
    const timer = setTimeout(() => fail(`not ready within ${timeoutMs} ms`), timeoutMs);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      server.removeListener('exit', onExit);
      finish();
    };
    const onExit = (code: number | null): void => settle(() => reject(new PostmasterError(`${said}exit code ${code}`)));
    server.once('error', (error) => fail(error.message));
    server.once('exit', onExit);
    server.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-16_000);
      if (said.includes('database system is ready to accept connections')) settle(resolve);
    });
  });
}
