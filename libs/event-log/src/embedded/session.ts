import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError, type ClientConfig, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { LogUnavailableError } from '../errors.js';
import type { Logger } from '../logger.js';
import { migrate } from './schema.js';

/** Advisory lock of the log, one per database: whoever has it may append. The number is ours for ever. */
const LOCK_KEY = 7_420_017_301;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 100;
const SAY_EVERY_MS = 5_000;
/** How long a start waits for the connection of a killed predecessor to be noticed by the server. */
const LOCK_WAIT_MS = 5_000;
/** Wrong password, unknown role, unknown database: waiting does not help. */
const HOPELESS = new Set(['28P01', '28000', '3D000']);

/** Another process has, or has had, the log: this one must not append any more. */
export class LogTakenError extends Error {}

/** Whether the server refused the statement: then it was rolled back for certain. After anything else nobody knows. */
export const isAnswered = (error: unknown): boolean =>
  error instanceof DatabaseError && !/^(08|57P)/.test(error.code ?? '08');

/**
 * The writer's own connection. It holds the log's advisory lock: so nobody else appends while it lives, and when it was
 * lost and is made again, having the lock proves that nothing of the old one is still under way in the server.
 */
export class Session {
  #client: Client | undefined;
  #epoch: string | undefined;
  #closed = false;

  constructor(
    private readonly databaseUrl: string,
    private readonly logger: Logger,
    private readonly onLost: () => void,
  ) {}

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** The id of this log: made with its tables, once. Connects, waiting for the server as long as it takes. */
  async open(): Promise<{ id: string }> {
    const client = await this.#connect();
    await this.#lock(client, Date.now() + LOCK_WAIT_MS);
    await migrate(client);
    const { rows } = await client.query<{ id: string; epoch: string }>(
      'UPDATE log.identity SET epoch = epoch + 1 RETURNING id, epoch',
    );
    this.#epoch = rows[0]!.epoch;
    this.#client = client;
    return { id: rows[0]!.id };
  }

  /** Connects again, waiting as long as it takes. Throws `LogTakenError` when another process has had the log meanwhile. */
  async reopen(): Promise<void> {
    while (!this.#closed) {
      const client = await this.#connect();
      try {
        await this.#lock(client, Infinity);
        const { rows } = await client.query<{ epoch: string }>('SELECT epoch FROM log.identity');
        if (rows[0]?.epoch !== this.#epoch) throw new LogTakenError('Another process has used the embedded event log');
        this.#client = client;
        return;
      } catch (error) {
        client.end().catch(() => undefined);
        if (error instanceof LogTakenError) throw error;
      }
    }
    throw new LogUnavailableError('The event log is closed');
  }

  async query<Row extends QueryResultRow>(config: QueryConfig): Promise<QueryResult<Row>> {
    if (!this.#client) throw new Error('Not connected');
    return this.#client.query<Row>(config);
  }

  /** Gives the connection up as lost: it hangs. */
  abandon(): void {
    const client = this.#client;
    this.#drop(client);
    // pg keeps the socket to itself; without this a dead peer would hold it until TCP gives up.
    (client as unknown as { connection?: { stream?: { destroy(): void } } })?.connection?.stream?.destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  #drop(client: Client | undefined): void {
    if (!client || this.#client !== client) return;
    this.#client = undefined;
    this.onLost();
  }

  async #connect(): Promise<Client> {
    let saidAt = -Infinity;
    for (;;) {
      const client = new Client(clientConfig(this.databaseUrl, 'writer'));
      client.on('error', () => this.#drop(client));
      client.on('end', () => this.#drop(client));
      try {
        await client.connect();
        return client;
      } catch (error) {
        client.end().catch(() => undefined);
        if (this.#closed || (error instanceof Error && 'code' in error && HOPELESS.has(String(error.code))))
          throw error;
        if (Date.now() - saidAt > SAY_EVERY_MS) {
          saidAt = Date.now();
          this.logger.warn({ error: String(error) }, 'The database is not there; waiting for it');
        }
        await sleep(RETRY_MS);
      }
    }
  }

  async #lock(client: Client, deadlineMs: number): Promise<void> {
    let saidAt = Date.now();
    for (;;) {
      const { rows } = await client.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS got`);
      if (rows[0]?.got) return;
      if (Date.now() > deadlineMs) {
        const holder = await holderOf(client);
        await client.end();
        throw new LogTakenError(
          `The embedded event log of this database is in use by another process (${holder}). ` +
            'It serves one process at a time: stop that one, or use Kafka for several.',
        );
      }
      if (Date.now() - saidAt > SAY_EVERY_MS) {
        saidAt = Date.now();
        this.logger.warn({ holder: await holderOf(client) }, 'Waiting for the lock of the embedded event log');
      }
      await sleep(RETRY_MS);
    }
  }
}

async function holderOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: number; application_name: string }>(
    `SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK_KEY}`,
  );
  const holder = rows[0];
  return holder ? `${holder.application_name}, database session ${holder.pid}` : 'which has just ended';
}

/** `application_name` says which process it is, for whoever meets the lock. */
export const clientConfig = (databaseUrl: string, purpose: string): ClientConfig => ({
  connectionString: databaseUrl,
  application_name: `switchhook event log ${purpose}, process ${process.pid} on ${hostname()}`.slice(0, 63),
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  keepAlive: true,
});
