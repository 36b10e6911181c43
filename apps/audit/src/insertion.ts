import type { Queries } from '@switchhook/event-store';
import { PARAMETER_TYPES, type ParameterType } from './binary-array.js';

/** One column of a table, and how to get it out of a row. */
export interface Column<Row> {
  readonly name: string;
  /** The Postgres type; says what `of` may answer with. */
  readonly type: ParameterType;
  readonly of: (row: Row) => unknown;
}

/** Where rows go to. */
export interface Target<Row> {
  /** The table, with its alias where `onConflict` needs one. */
  readonly into: string;
  readonly columns: readonly Column<Row>[];
  readonly orderBy?: string;
  readonly onConflict?: string;
}

/**
 * Rows on their way into a table, alone or as a part of a larger statement. One array per column: the quickest way into
 * Postgres short of COPY. The text is the same however many rows there are, none included, so it can be prepared.
 */
export interface Insertion {
  /** The statement, its parameters numbered from `first` on; it inserts nothing unless `condition` (SQL) holds. */
  readonly sql: (first: number, condition?: string) => string;
  readonly values: readonly Buffer[];
}

export function insertion<Row>({ into, columns, orderBy, onConflict }: Target<Row>, rows: readonly Row[]): Insertion {
  const names = columns.map(({ name }) => name).join(', ');
  return {
    sql: (first, condition) => {
      const arrays = columns.map(({ type }, index) => `$${first + index}::${type}[]`).join(', ');
      return [
        `INSERT INTO ${into} (${names}) SELECT ${names} FROM unnest(${arrays}) AS new_rows(${names})`,
        ...(condition === undefined ? [] : [`WHERE ${condition}`]),
        ...(orderBy === undefined ? [] : [`ORDER BY ${orderBy}`]),
        ...(onConflict === undefined ? [] : [`ON CONFLICT ${onConflict}`]),
      ].join('\n');
    },
    values: columns.map(({ type, of }) => PARAMETER_TYPES[type](rows.map(of))),
  };
}

/** Makes them one after the other; call it inside a transaction. */
export async function insertInTurn(manager: Queries, insertions: readonly Insertion[]): Promise<void> {
  for (const { sql, values } of insertions) await manager.query(sql(1), [...values]);
}
