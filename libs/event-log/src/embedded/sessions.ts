import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError, type ClientConfig, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { LogUnavailableError } from '../errors.js';
import type { Logger } from '../logger.js';
import { migrate } from './schema.js';

/** Advisory locks of the log, this and the following numbers: whoever has them may append. The numbers are ours for ever. */
const LOCK_KEY = 7_420_017_301;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 100;
const SAY_EVERY_MS = 5_000;
/** How long a start waits for the connection of a killed predecessor to be noticed by the server. */
const LOCK_WAIT_MS = 5_000;
/** Wrong password, unknown role, unknown database: waiting does not help. */
const HOPELESS = new Set(['28P01', '28000', '3D000']);

const isHopeless = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && HOPELESS.has(String(error.code));

/** Another process has, or has had, the log: this one must not append any more. */
export class LogTakenError extends Error {}

/** Whether the server refused the statement: then it was rolled back for certain. After anything else nobody knows. */
export const isAnswered = (error: unknown): boolean =>
  error instanceof DatabaseError && !/^(08|57P)/.test(error.code ?? '08');

/**
 * The writer's own connections, `count` of them: as many commits can be under way. Each holds an advisory lock of the log: so
 * nobody else appends while they live, and when they were lost and are made again, having the locks proves that nothing of
 * the old ones is still under way in the server. They stand and fall together: when one is lost, all are given up.
 */
export class Sessions {
  /** All, or none. */
  #clients: readonly Client[] = [];
  #epoch: string | undefined;
  #closed = false;

  constructor(
    private readonly databaseUrl: string,
    readonly count: number,
    private readonly logger: Logger,
    private readonly onLost: () => void,
  ) {}

  get connected(): boolean {
    return this.#clients.length > 0;
  }

  /** The id of this log: made with its tables, once. Connects, waiting for the server as long as it takes. */
  async open(): Promise<{ id: string }> {
    const clients = await this.#connectAll(Date.now() + LOCK_WAIT_MS);
    const first = clients[0]!;
    await migrate(first);
    const { rows } = await first.query<{ id: string; epoch: string }>(
      'UPDATE log.identity SET epoch = epoch + 1 RETURNING id, epoch',
    );
    this.#epoch = rows[0]!.epoch;
    this.#clients = clients;
    return { id: rows[0]!.id };
  }

  /** Connects again, waiting as long as it takes. Throws `LogTakenError` when another process has had the log meanwhile. */
  async reopen(): Promise<void> {
    while (!this.#closed) {
      let clients: readonly Client[] = [];
      try {
        clients = await this.#connectAll(Infinity);
        const { rows } = await clients[0]!.query<{ epoch: string }>('SELECT epoch FROM log.identity');
        if (rows[0]?.epoch !== this.#epoch) throw new LogTakenError('Another process has used the embedded event log');
        this.#clients = clients;
        return;
      } catch (error) {
        for (const client of clients) client.end().catch(() => undefined);
        if (error instanceof LogTakenError || isHopeless(error)) throw error;
      }
    }
    throw new LogUnavailableError('The event log is closed');
  }

  /**
   * Runs a statement on connection number `session`. With a callback: pg's promise keeps the statement and its values until the
   * next major collection (docs/adr/0043).
   */
  query<Row extends QueryResultRow>(config: QueryConfig, session = 0): Promise<QueryResult<Row>> {
    const client = this.#clients[session];
    if (!client) return Promise.reject(new Error('Not connected'));
    return new Promise((resolve, reject) => {
      client.query<Row>(config, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  /** Gives the connections up as lost: one of them hangs. */
  abandon(): void {
    for (const client of this.#clients) {
      // pg keeps the socket to itself; without this a dead peer would hold it until TCP gives up.
      const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
      connection?.stream?.destroy();
    }
    this.#drop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const clients = this.#clients;
    this.#clients = [];
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }

  /** A lost connection takes the others with it. */
  #lost(client: Client): void {
    if (this.#clients.includes(client)) this.abandon();
  }

  #drop(): void {
    if (this.#clients.length === 0) return;
    this.#clients = [];
    this.onLost();
  }

  /** Every connection with its lock, the first one's first: whoever has that will get the others. */
  async #connectAll(deadlineMs: number): Promise<readonly Client[]> {
    const clients: Client[] = [];
    try {
      for (let session = 0; session < this.count; session += 1) {
        const client = await this.#connect();
        clients.push(client);
        await this.#lock(client, LOCK_KEY + session, deadlineMs);
      }
      return clients;
    } catch (error) {
      for (const client of clients) client.end().catch(() => undefined);
      throw error;
    }
  }

  async #connect(): Promise<Client> {
    let saidAt = -Infinity;
    for (;;) {
      const client = new Client(clientConfig(this.databaseUrl, 'writer'));
      client.on('error', () => this.#lost(client));
      client.on('end', () => this.#lost(client));
      try {
        await client.connect();
        return client;
      } catch (error) {
        client.end().catch(() => undefined);
        if (this.#closed || isHopeless(error)) throw error;
        if (Date.now() - saidAt > SAY_EVERY_MS) {
          saidAt = Date.now();
          this.logger.warn({ error: String(error) }, 'The database is not there; waiting for it');
        }
        await sleep(RETRY_MS);
      }
    }
  }

  async #lock(client: Client, key: number, deadlineMs: number): Promise<void> {
    let saidAt = Date.now();
    for (;;) {
      const { rows } = await client.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS got`);
      if (rows[0]?.got) return;
      if (Date.now() > deadlineMs) {
        const holder = await holderOf(client, key);
        throw new LogTakenError(
          `The embedded event log of this database is in use by another process (${holder}). ` +
            'It serves one process at a time: stop that one, or use Kafka for several.',
        );
      }
      if (Date.now() - saidAt > SAY_EVERY_MS) {
        saidAt = Date.now();
        this.logger.warn({ holder: await holderOf(client, key) }, 'Waiting for the lock of the embedded event log');
      }
      await sleep(RETRY_MS);
    }
  }
}

async function holderOf(client: Client, key: number): Promise<string> {
  const { rows } = await client.query<{ pid: number; application_name: string }>(
    `SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = ${key}`,
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
