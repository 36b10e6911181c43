import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  createDatabase,
  eventually,
  kafkaBrokers,
  kafkaPossible,
  uniqueTopicPrefix,
  type TestDatabase,
} from '@switchhook/testing';
import type { Api } from './api.js';

/** Which event log the product runs on. */
export type Engine = 'embedded' | 'kafka';

/** Whether specs on Kafka can run here, for `it.skipIf`. */
export const kafkaIsThere = await kafkaPossible();

const MAIN = resolve(import.meta.dirname, '../../switchhook/dist/main.js');
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 40_000;
const READY_LINE = /^Switchhook is ready at (\S+)$/m;

/** What the product is started with. */
export interface StartOptions {
  readonly engine: Engine;
  /** Settings on top of, or instead of, the harness's own (a free port, no sample event, a data folder in /tmp). */
  readonly env?: Readonly<Record<string, string>>;
}

/** The real product as a process of its own, from the build: what a customer runs. */
export interface RunningSwitchhook {
  /** Address and platform credential of the process as it runs now. */
  api(): Api;
  readonly dataDir: string;
  /** What it was started with: the brokers and the topic prefix, say. */
  readonly settings: Readonly<Record<string, string>>;
  readonly pid: number;
  /** Of the database that it runs on now, the embedded one too: for looking into what it keeps. */
  databaseUrl(): string;
  /** All it wrote on stdout and on stderr, of earlier processes too. */
  readonly stdout: string;
  readonly stderr: string;
  /** Ends the process with no warning; whatever it started goes on. */
  kill9(): Promise<void>;
  /** SIGTERM; resolves with the exit code. Data stay. */
  terminate(): Promise<number | null>;
  /** Starts it again on the same data, and waits until it is ready. `env` lasts for this and later starts. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends it in order if it runs, and takes away its data and its database. */
  stop(): Promise<void>;
}

/** Starts the product on empty data, and waits for the line that says it is ready. */
export async function startSwitchhook({ engine, env = {} }: StartOptions): Promise<RunningSwitchhook> {
  if (!existsSync(MAIN)) throw new Error('The end-to-end specs run the build: npm run build');
  const dataDir = mkdtempSync(join(tmpdir(), 'switchhook-e2e-'));
  chmodSync(dataDir, 0o755); // user postgres passes through
  const database = engine === 'kafka' ? await createDatabase() : undefined;
  const settings = {
    PORT: '0',
    SWITCHHOOK_SAMPLE: 'off',
    SWITCHHOOK_DATA: dataDir,
    ...(database && { DATABASE_URL: database.url }),
    ...(engine === 'kafka' && { KAFKA_BROKERS: await kafkaBrokers(), TOPIC_PREFIX: uniqueTopicPrefix() }),
    ...env,
  };
  const product = new Product(dataDir, settings, database);
  try {
    await product.restart();
  } catch (error) {
    await product.stop();
    throw error;
  }
  return product;
}

class Product implements RunningSwitchhook {
  stdout = '';
  stderr = '';
  private child: ChildProcess | undefined;
  private url = '';
  private readonly killWithUs = (): void => void this.child?.kill('SIGTERM');

  constructor(
    readonly dataDir: string,
    public settings: Readonly<Record<string, string>>,
    private readonly database: TestDatabase | undefined,
  ) {
    process.on('exit', this.killWithUs);
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  api(): Api {
    const { SWITCHHOOK_ADMIN_USER: username, SWITCHHOOK_ADMIN_PASSWORD: password } = this.settings;
    if (username && password) return { url: this.url, username, password };
    const text = readFileSync(join(this.dataDir, 'credentials.json'), 'utf8');
    return { ...(JSON.parse(text) as Api), url: this.url };
  }

  databaseUrl(): string {
    const named = this.settings['DATABASE_URL'];
    if (named) return named;
    const password = readFileSync(join(this.dataDir, 'postgres-password'), 'utf8').trim();
    // The fourth line is the port (PostgreSQL: miscadmin.h, LOCK_FILE_LINE_PORT).
    const port = readFileSync(join(this.dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[3];
    return `postgres://switchhook:${password}@127.0.0.1:${port}/switchhook`;
  }

  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.terminate();
    this.settings = { ...this.settings, ...env };
    const child = spawn(process.execPath, [MAIN], {
      cwd: this.dataDir,
      env: { ...ownEnv(), ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const before = this.stdout.length;
    child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.url = await this.readyUrl(child, before);
  }

  async kill9(): Promise<void> {
    await this.end('SIGKILL');
  }

  async terminate(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  async stop(): Promise<void> {
    process.off('exit', this.killWithUs);
    await this.terminate();
    await this.stopOrphanedDatabase();
    await this.database?.drop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  private async readyUrl(child: ChildProcess, before: number): Promise<string> {
    const giveUpAt = performance.now() + READY_TIMEOUT_MS;
    return eventually(
      () => {
        const url = READY_LINE.exec(this.stdout.slice(before))?.[1];
        if (url) return url;
        // Until its pipes are closed it may still have something to say.
        const ended = !isRunning(child) && child.stdout?.closed && child.stderr?.closed;
        if (!ended && performance.now() < giveUpAt) return false;
        throw new StartFailure(`The product did not become ready (exit ${child.exitCode}):\n${this.tail()}`);
      },
      { timeoutMs: READY_TIMEOUT_MS, giveUpOn: (error) => error instanceof StartFailure },
    );
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.child;
    if (!child || !isRunning(child)) return child?.exitCode ?? null;
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
    child.kill(signal);
    await exited.catch(() => {
      child.kill('SIGKILL');
      throw new Error(`The product did not stop within ${STOP_TIMEOUT_MS} ms:\n${this.tail()}`);
    });
    return child.exitCode;
  }

  /** After a kill -9 that no start followed, the embedded PostgreSQL still runs. */
  private async stopOrphanedDatabase(): Promise<void> {
    const file = join(this.dataDir, 'postgres/postmaster.pid');
    if (!existsSync(file)) return;
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (pid > 1) process.kill(pid, 'SIGINT');
    await eventually(() => !existsSync(file), { timeoutMs: 10_000 });
  }

  private tail(): string {
    return `${this.stdout.slice(-2_000)}\n${this.stderr.slice(-6_000)}`;
  }
}

class StartFailure extends Error {}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Our environment without what would configure the product: the machine's own settings must not decide a test. */
function ownEnv(): NodeJS.ProcessEnv {
  const ours = /^(SWITCHHOOK_|KAFKA_|TOPIC_PREFIX$|DATABASE_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|NODE_ENV$|VITEST)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
