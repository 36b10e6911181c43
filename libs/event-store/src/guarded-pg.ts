import pg, { type PoolClient, type PoolConfig } from 'pg';

const guarded = new WeakSet<PoolClient>();
// Who has the connection learns of it from the query that fails, and the pool throws the connection away.
const ignore = (): void => undefined;

/**
 * A connection that nobody listens to for a moment must not end the process when it breaks just then: the pool takes its listener
 * away when it hands a connection on, TypeORM adds its own only after that, and what the server says as it goes down
 * may come in the same packet as the answer that was waited for (node-postgres #2762; seen in a chaos run).
 */
class GuardedPool extends pg.Pool {
  constructor(config?: PoolConfig) {
    super(config);
    this.on('acquire', (client) => {
      if (guarded.has(client)) return;
      guarded.add(client);
      client.on('error', ignore);
    });
  }
}

/** What TypeORM takes for the `pg` module. */
export const guardedPg = { ...pg, Pool: GuardedPool };
