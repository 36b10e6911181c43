import { PARAMETER_TYPES, type ParameterType } from './binary-array.js';

/** One column of a table, and how to get it out of a row. */
export interface Column<Row> {
  readonly name: string;
  /** The Postgres type; says what `of` may answer with. */
  readonly type: ParameterType;
  readonly of: (row: Row) => unknown;
}

/** Rows as parameters of one statement, one array per column: the quickest way into Postgres short of COPY. */
export interface UnnestedRows {
  /** `a, b, c`. */
  readonly names: string;
  /** `unnest($1::bigint[], …) AS new_rows(a, b, c)`. */
  readonly from: string;
  readonly values: Buffer[];
}

/** `rows` as arrays for one `INSERT … SELECT`. */
export function unnestRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): UnnestedRows {
  const names = columns.map(({ name }) => name).join(', ');
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return {
    names,
    from: `unnest(${arrays}) AS new_rows(${names})`,
    values: columns.map(({ type, of }) => PARAMETER_TYPES[type](rows.map(of))),
  };
}
