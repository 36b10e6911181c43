import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { StartError } from '../start-error.js';
import { openCluster } from './cluster.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { FolderInUseError } from './folder-lock.js';

export interface ReachedPostgres {
  readonly url: string;
  /** Stops the server if we started it; one that belongs to a running product goes on. */
  stop(): Promise<void>;
}

export interface ReachOptions {
  readonly dataDir: string;
  readonly pinned: boolean;
  readonly logger: Logger;
}

/**
 * Reaches the embedded PostgreSQL whose data are in `dataDir`, for a tool beside the product: that of the running product,
 * or started for the tool while the product is stopped. Never makes a new cluster. Throws one message that says what to do.
 */
export async function reachEmbeddedPostgres({ dataDir, pinned, logger }: ReachOptions): Promise<ReachedPostgres> {
  const home = homeOf(resolve(dataDir));
  if (!existsSync(join(home, 'postgres', 'PG_VERSION')))
    throw new StartError(
      `There are no data in ${home}. Set SWITCHHOOK_DATA to the folder of the product, or DATABASE_URL.`,
    );
  try {
    return await startEmbeddedPostgres({ dataDir, pinned, logger });
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    return { url: runningUrl(home), stop: async () => {} };
  }
}

/** Where root's data were moved to, if they were. */
function homeOf(wished: string): string {
  const note = join(wished, 'location');
  if (existsSync(join(wished, 'postgres', 'PG_VERSION')) || !existsSync(note)) return wished;
  return readFileSync(note, 'utf8').trim();
}

function runningUrl(home: string): string {
  try {
    // Line 4 is the port (postgresql.org/docs/18/storage-file-layout.html, postmaster.pid).
    const port = Number(readFileSync(join(home, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]);
    if (!Number.isSafeInteger(port) || port <= 0) throw new Error('it names no port yet');
    return openCluster(home, '', undefined).urlOn(port);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `A Switchhook is using ${home}, and its PostgreSQL cannot be reached (${why}). Try again as the user who started it, or stop it first.`,
    );
  }
}
