/**
 * `schema` itself, for use inside SQL text, where names cannot be parameters.
 * Throws for anything but a plain lower-case name, so that nothing else can get into a statement.
 */
export function checkedSchema(schema: string): string {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(schema)) throw new Error(`"${schema}" cannot be the name of a Postgres schema`);
  return schema;
}
