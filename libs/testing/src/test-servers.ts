import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** Where the global setup listens: it is the only thing that the spec processes inherit. */
export const SERVERS_VARIABLE = 'SWITCHHOOK_TEST_SERVERS';

/** How long connections to a database that is dropped may take to close. */
const CLOSING_MS = 500;
const CLOSING_POLL_MS = 10;

/** A database of one spec's own. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Makes an empty database on the run's PostgreSQL, which this starts when it is the first to ask. */
export async function createDatabase(): Promise<TestDatabase> {
  const maintenance = await ask('/postgres');
  const name = `spec_${randomUUID().replaceAll('-', '')}`;
  await execute(maintenance, `CREATE DATABASE ${name}`);
  const url = new URL(maintenance);
  url.pathname = name;
  return { url: url.href, drop: () => dropDatabase(maintenance, name) };
}

/**
 * The bootstrap brokers (comma list) of the run's real Kafka, which this starts when it is the first to ask: some
 * seconds then. Throws where no Kafka can be had. Use `uniqueTopicPrefix()`: the broker is shared by all specs of a run.
 */
export async function kafkaBrokers(): Promise<string> {
  return ask('/kafka');
}

/**
 * Whether specs on a real Kafka can run here, for `describe.skipIf(!(await kafkaPossible()))`. Always true where CI is
 * `true`: there a Kafka that cannot be had is a failure, not a skip.
 */
export async function kafkaPossible(): Promise<boolean> {
  if (process.env['CI'] === 'true') return true;
  try {
    await kafkaBrokers();
    return true;
  } catch (error) {
    process.stderr.write(`\nSKIPPED, NO KAFKA: ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
}

/** A topic prefix that no other spec uses, such as `t3f9c2a71.`. */
export function uniqueTopicPrefix(): string {
  return `t${randomUUID().slice(0, 8)}.`;
}

async function ask(path: string): Promise<string> {
  const servers = process.env[SERVERS_VARIABLE];
  if (!servers) throw new Error('This spec needs the global setup: name it *.int.spec.ts or *.e2e.spec.ts');
  const response = await fetch(servers + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/**
 * `Pool.end()` of pg resolves while its connections are still closing; one that is cut just then says so to nobody, and the
 * spec's process ends of it. So they have a moment first.
 */
async function dropDatabase(maintenance: string, name: string): Promise<void> {
  await connected(maintenance, async (client) => {
    for (const until = Date.now() + CLOSING_MS; Date.now() < until; await pause(CLOSING_POLL_MS)) {
      const { rowCount } = await client.query('SELECT 1 FROM pg_stat_activity WHERE datname = $1', [name]);
      if (rowCount === 0) break;
    }
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
}

const execute = (url: string, statement: string): Promise<unknown> =>
  connected(url, (client) => client.query(statement));

async function connected(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
