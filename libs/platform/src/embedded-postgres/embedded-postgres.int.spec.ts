import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@switchhook/testing';
import pg from 'pg';
import { pino, type Logger } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { programs } from './home.js';
import { startPostmaster } from './postmaster.js';
import { serverAccount } from './server-account.js';

const account = serverAccount();

let dataDir: string;
let lines: string[];
let logger: Logger;
const started: EmbeddedPostgres[] = [];
/** Where a first start was, and has stopped: most tests are about a later one, and making a cluster takes seconds. */
let home: string;

const emptyFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'switchhook-embedded-'));
  chmodSync(folder, 0o755);
  return folder;
};

beforeAll(async () => {
  home = emptyFolder();
  const first = await startEmbeddedPostgres({ dataDir: home, pinned: true, logger: pino({ level: 'silent' }) });
  await first.stop();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

beforeEach(() => {
  dataDir = emptyFolder();
  lines = [];
  logger = pino({}, { write: (line: string) => void lines.push(line) });
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(pinned = true): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, pinned, logger });
  started.push(postgres);
  return postgres;
}

/** A start on what an earlier one has left. */
async function startAgain(): Promise<EmbeddedPostgres> {
  copyHome();
  return start();
}

/** With owners and modes, which `cpSync` does not keep. */
function copyHome(): void {
  execFileSync('cp', ['-a', `${home}/.`, dataDir]);
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  it('keeps its data between starts, and the next start takes less than a second', async () => {
    const first = await startAgain();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const tookMs: number[] = [];
    for (let run = 0; run < 3; run += 1) {
      const begun = performance.now();
      const again = await start();
      tookMs.push(performance.now() - begun);
      expect(await query(again.url, 'SELECT answer FROM kept')).toEqual([42]);
      await again.stop();
    }
    expect(Math.min(...tookMs)).toBeLessThan(1_000);
  });

  it('is durable, listens on the loopback only and asks for the password, which only its user can read', async () => {
    const postgres = await startAgain();
    expect(await query(postgres.url, 'SHOW fsync')).toEqual(['on']);
    expect(await query(postgres.url, 'SHOW listen_addresses')).toEqual(['127.0.0.1']);
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600);
    const wrong = new URL(postgres.url);
    wrong.password = 'guessed';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect(lines.join('')).not.toContain(new URL(postgres.url).password);
  });

  it('refuses a second start on the same data with one message, and lets go when it stops', async () => {
    const first = await startAgain();
    await expect(start()).rejects.toThrow(/^Another Switchhook is using .*SWITCHHOOK_DATA/);
    await first.stop();
    await start();
  });

  it('lets exactly one of two racing first starts win', async () => {
    const results = await Promise.allSettled([start(), start()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('does not mistake the folder of a killed process for one in use', async () => {
    copyHome();
    const hold = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('BEGIN EXCLUSIVE'); console.log('held'); setInterval(() => {}, 1000)`;
    const holder = spawn(process.execPath, ['-e', hold, join(dataDir, 'lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(start()).rejects.toThrow(/Another Switchhook/);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await start();
  });
});

describe('the embedded PostgreSQL after a crash', () => {
  it('replaces a server that a killed process left running, without losing what it had committed', async () => {
    copyHome();
    const data = join(dataDir, 'postgres');
    const port = await freePort();
    const bin = programs(dataDir, account);
    const orphan = await startPostmaster({ bin, data, port, account, timeoutMs: 20_000 });
    const password = readFileSync(join(dataDir, 'postgres-password'), 'utf8').trim();
    await query(`postgres://switchhook:${password}@127.0.0.1:${port}/switchhook`, 'CREATE TABLE kept AS SELECT 7 AS n');
    const postgres = await start();
    expect(orphan.exitCode).not.toBeNull();
    expect(await query(postgres.url, 'SELECT n FROM kept')).toEqual([7]);
  });

  it('starts over a pid file whose process is gone', async () => {
    const pidFile = staleHome();
    const gone = spawn('true');
    await once(gone, 'exit');
    writeFileSync(pidFile, pidFileOf(gone.pid ?? 0));
    await start();
  });

  it('starts over a pid file whose number belongs to another process now, and leaves that alone', async () => {
    const pidFile = staleHome();
    const stranger = spawn('sleep', ['60'], { ...account });
    writeFileSync(pidFile, pidFileOf(stranger.pid ?? 0));
    await start();
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
  });

  it('comes back on the same port when the server dies under it', async () => {
    const postgres = await startAgain();
    await query(postgres.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    process.kill(postgres.pid, 'SIGKILL');
    await eventually(async () => expect(await query(postgres.url, 'SELECT n FROM kept')).toEqual([7]), {
      timeoutMs: 20_000,
    });
    expect(lines.join('')).toContain('ended unexpectedly');
  });

  it('makes the cluster anew when an earlier first start was killed half way', async () => {
    execFileSync('mkdir', ['-p', join(dataDir, 'postgres.new-1234/base')]);
    await start();
    expect(existsSync(join(dataDir, 'postgres.new-1234'))).toBe(false);
  });

  function staleHome(): string {
    copyHome();
    return join(dataDir, 'postgres', 'postmaster.pid');
  }

  function pidFileOf(pid: number): string {
    return `${pid}\n${join(dataDir, 'postgres')}\n1790000000\n5432\n\n127.0.0.1\n        0         0\nready   \n`;
  }
});

describe('a data folder that cannot be used', () => {
  it('stops the start with one message when the folder is not writable', async () => {
    rmSync(dataDir, { recursive: true });
    writeFileSync(dataDir, 'a file, which even root cannot make a folder of');
    await expect(start()).rejects.toThrow(/^The data folder .* is not writable/);
  });

  it.runIf(account)(
    'moves the data of root out of a folder that user postgres cannot enter, and says where',
    async () => {
      chmodSync(dataDir, 0o700);
      const home = join('/var/lib/switchhook', createHash('sha256').update(dataDir).digest('hex').slice(0, 12));
      try {
        const postgres = await start(false);
        expect(await query(postgres.url, 'SHOW data_directory')).toEqual([join(home, 'postgres')]);
        expect(readFileSync(join(dataDir, 'location'), 'utf8').trim()).toBe(home);
        expect(lines.join('')).toContain(home);
        await postgres.stop();
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
  );

  it.runIf(account)('never moves a folder that the operator named, but stops with one message', async () => {
    chmodSync(dataDir, 0o700);
    await expect(start(true)).rejects.toThrow(/^SWITCHHOOK_DATA is .* cannot enter/);
    expect(existsSync(join(dataDir, 'location'))).toBe(false);
  });
});
