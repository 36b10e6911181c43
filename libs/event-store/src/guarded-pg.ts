import pg, { type PoolClient, type PoolConfig, type QueryResult } from 'pg';

const guarded = new WeakSet<PoolClient>();
// Who has the connection learns of it from the query that fails, and the pool throws the connection away.
const ignore = (): void => undefined;

type Callback = (error: Error | null, result: QueryResult) => void;
type Query = (text: string, values: unknown, callback: Callback) => void;

/**
 * Asks with a callback of our own where TypeORM asks for a promise: pg's own one keeps every statement and its values until the
 * next major collection (docs/adr/0043).
 */
class PromptClient extends pg.Client {
  override query = ((text: unknown, values?: unknown, callback?: Callback): unknown => {
    const query = super.query as unknown as Query;
    if (typeof text !== 'string' || typeof values === 'function' || callback) {
      return query.call(this, text as string, values, callback!);
    }
    return new Promise<QueryResult>((resolve, reject) => {
      query.call(this, text, values, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }) as pg.Client['query'];
}

/**
 * A connection that nobody listens to for a moment must not end the process when it breaks just then: the pool takes its listener
 * away when it hands a connection on, TypeORM adds its own only after that, and what the server says as it goes down
 * may come in the same packet as the answer that was waited for (node-postgres #2762; seen in a chaos run).
 */
class GuardedPool extends pg.Pool {
  constructor(config?: PoolConfig) {
    super({ ...config, Client: PromptClient } as PoolConfig);
    this.on('acquire', (client) => {
      if (guarded.has(client)) return;
      guarded.add(client);
      client.on('error', ignore);
    });
  }
}

/** What TypeORM takes for the `pg` module. */
export const guardedPg = { ...pg, Pool: GuardedPool };
