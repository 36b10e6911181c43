import { invalid } from '@switchhook/platform';

/** The parameters of one statement, numbered as they are added. */
export class Parameters {
  readonly values: unknown[] = [];

  /** Adds a value, and answers with its place: `$3`. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

export interface KeysetPage {
  /** Columns of the rows. */
  readonly select: string;
  /** The table, with the alias that conditions use. */
  readonly from: string;
  /** The columns that order the rows, unique together, newest first. */
  readonly order: readonly string[];
  /** All of these hold. */
  readonly conditions: readonly string[];
  /** For each list, one of its conditions holds; they exclude each other. */
  readonly alternatives: readonly (readonly string[])[];
  readonly limit: number;
}

/**
 * The SQL of one page. Where there are alternatives (several statuses), each is a branch of its own with its own limit: a
 * branch reads the newest rows off the end of an index that begins with its conditions, which `IN` and `OR` cannot.
 */
export function keysetPage(page: KeysetPage): string {
  const order = (alias: string): string => page.order.map((column) => `${alias}${column} DESC`).join(', ');
  const choices = page.alternatives
    .filter((list) => list.length > 0)
    .reduce<string[][]>((all, list) => all.flatMap((chosen) => list.map((each) => [...chosen, each])), [[]]);
  const branches = choices.map(
    (chosen) =>
      `(SELECT ${page.select} FROM ${page.from} WHERE ${[...page.conditions, ...chosen].join(' AND ')}
        ORDER BY ${order('')} LIMIT ${page.limit})`,
  );
  if (branches.length === 1) return branches[0]!;
  return `(SELECT * FROM (${branches.join(' UNION ALL ')}) AS branches ORDER BY ${order('')} LIMIT ${page.limit})`;
}

/** The place after the last row of a page, opaque to the outside. */
export const cursorAfter = (place: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/** The place that `cursor` holds, each part checked by its pattern. Throws a 400 that names `cursor` for any other text. */
export function placeOf(cursor: string, patterns: readonly RegExp[]): string[] {
  const parts = partsOf(cursor)?.map(String);
  if (parts?.length !== patterns.length || !patterns.every((pattern, index) => pattern.test(parts[index]!))) {
    throw invalid([{ field: 'cursor', message: 'must be the nextCursor of an earlier answer' }]);
  }
  return parts;
}

function partsOf(cursor: string): unknown[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}
