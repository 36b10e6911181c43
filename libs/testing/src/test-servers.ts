import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** Where the global setup listens: it is the only thing that the spec processes inherit. */
export const SERVERS_VARIABLE = 'SWITCHHOOK_TEST_SERVERS';

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
  return { url: url.href, drop: () => execute(maintenance, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
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

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
