import { setTimeout as pause } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { guardedPg } from './guarded-pg.js';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Most connections at a time; default 10. */
  readonly poolSize?: number;
  /** Takes the line that says that we wait for the server; default stderr. */
  readonly log?: (line: string) => void;
}

const RETRY_MS = 500;

/** Codes of a server that is not there, not there yet, or going down (PostgreSQL appendix A, class 57; Node's system errors). */
const NOT_THERE_YET = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

/**
 * Opens a pool on the database, and waits (with one log line) while the server is not there yet.
 * Throws what the server says when waiting will not help: wrong password, no such database.
 */
export async function openDatabase(options: DatabaseOptions): Promise<DataSource> {
  const log = options.log ?? ((line: string) => process.stderr.write(`${line}\n`));
  for (let said = false; ; said = true) {
    const database = dataSourceOf(options);
    try {
      return await database.initialize();
    } catch (error) {
      if (!isNotThereYet(error)) throw error;
      if (!said) log(`Waiting for the database at ${placeOf(options.url)} (${reasonOf(error)})`);
    }
    await pause(RETRY_MS);
  }
}

/** Whether `error` says that the database is away, and the same call may succeed when it is back. */
export function isNotThereYet(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errors } = error as Error & { code?: string; errors?: unknown[] };
  if (code !== undefined && NOT_THERE_YET.has(code)) return true;
  if (error.message.startsWith('Connection terminated')) return true;
  return errors?.some(isNotThereYet) ?? false;
}

function dataSourceOf({ url, applicationName, poolSize = 10 }: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName,
    poolSize,
    connectTimeoutMS: 5_000,
    driver: guardedPg,
    // pg reports connections that broke while idle; the next query gets a new one, so this is not worth a line.
    poolErrorHandler: () => undefined,
    logging: false,
  });
}

/** Host, port and database of a URL: the parts that may be shown. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

const reasonOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? 'unknown';
};
