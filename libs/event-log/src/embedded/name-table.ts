/** A record that is appended only if its name is free, and where it will stand. */
export interface NamedPlace {
  readonly name: string;
  readonly partition: number;
  readonly position: number;
}

/**
 * A table of names in the log's own database (embedded engine). The names are written in the transaction that appends the
 * records that bear them: so a name is given if and only if its record is there, without a look-up before or after.
 */
export interface NameTable {
  /** Short and unique: the statement is prepared under it. */
  readonly id: string;
  /** How many parameters `insert` has. */
  readonly parameterCount: number;
  /** An INSERT of names that leaves out those that are taken and returns one row per name that was free; its parameters from `$first`. */
  insert(first: number): string;
  values(named: readonly NamedPlace[], nowMs: number): unknown[];
  /** Which of `names` are taken. */
  taken(names: readonly string[]): Promise<ReadonlySet<string>>;
  /** Told, before any reader sees the records, of the names that were given. */
  given(named: readonly NamedPlace[]): void;
}
