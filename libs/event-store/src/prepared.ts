import { hash } from 'node:crypto';
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

/** What hot paths need of a database: `DataSource.query` has this shape too. */
export interface Queries {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** Queries, alone or several in one transaction; `DataSource` has this shape too. */
export interface Transactions extends Queries {
  /** Commits when `run` resolves, else rolls back and rejects with its reason. */
  transaction<Result>(run: (transaction: Queries) => Promise<Result>): Promise<Result>;
}

/**
 * Queries over the pool of `database` as prepared statements, by their text: what runs for each event is planned once per
 * connection, which for a partitioned table is most of its cost, and TypeORM's query runner is left out. Use it for a fixed
 * set of texts only: each stays prepared as long as its connection.
 */
export function preparedQueries(database: DataSource): Queries {
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = hash('sha1', text, 'hex');
    names.set(text, name);
    return name;
  };
  return {
    query: async <Rows>(text: string, values: unknown[] = []): Promise<Rows> => {
      // TypeORM's Postgres driver keeps its pg pool here, undeclared: the reason for this file.
      const { master } = database.driver as unknown as { readonly master: Pool };
      const { rows } = await master.query({ name: nameOf(text), text, values });
      return rows as Rows;
    },
  };
}
