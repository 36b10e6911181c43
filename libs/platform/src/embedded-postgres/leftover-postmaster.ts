import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** How long a server may take to end before it is ended harder. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Ends the server that a killed Switchhook left running on this data folder, by its own process id, and takes away a pid
 * file whose process is something else by now. To be called with the folder locked.
 */
export async function stopLeftover(data: string, logger: Logger): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = readPid(file);
  if (pid === undefined) return;
  if (isPostmasterOf(pid, data)) {
    logger.warn({ pid }, 'stopping the PostgreSQL that an earlier start left running');
    await endProcess(pid, STOP_TIMEOUT_MS);
  } else if (isAlive(pid)) {
    // The number was given to another process since: PostgreSQL would take that for a running server.
    rmSync(file, { force: true });
  }
}

/** Asks a server to end (disconnecting its clients), and after `timeoutMs` makes it; resolves when it is gone. */
export async function endProcess(pid: number, timeoutMs: number): Promise<void> {
  // SIGINT: "fast" shutdown, SIGQUIT: "immediate" (postgresql.org/docs/18/server-shutdown.html)
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!send(pid, signal)) return;
    const giveUpAt = performance.now() + timeoutMs;
    while (performance.now() < giveUpAt) {
      if (!isAlive(pid)) return;
      await sleep(10);
    }
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a process is the server of this data folder: it works in it (Linux), or names it in its command (elsewhere). */
function isPostmasterOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') return linkTarget(`/proc/${pid}/cwd`) === data;
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(data);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // gone meanwhile, or another user's
  }
}

function isAlive(pid: number): boolean {
  if (!send(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  try {
    // A process that ended but was not waited for yet still takes signals.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
