/** What begins a challenge: a scheme alone, or with something after it that is not the rest of `name = value`. */
const SCHEME = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:$|[ \t]+(?!=|[ \t]))/;

/**
 * Whether an answer's `WWW-Authenticate` asks for Basic credentials (RFC 7235 §4.1): one or many challenges, in one header or
 * several, schemes in any case.
 */
export function asksForBasic(header: string | readonly string[] | undefined): boolean {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return values.some((value) => listItems(value).some((item) => SCHEME.exec(item)?.[1]?.toLowerCase() === 'basic'));
}

/** The items of a comma list; a comma within a quoted string is none (RFC 9110 §5.6). */
function listItems(value: string): string[] {
  const items: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at];
    if (isQuoted && char === '\\') at += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === ',' && !isQuoted) {
      items.push(value.slice(start, at).trim());
      start = at + 1;
    }
  }
  items.push(value.slice(start).trim());
  return items;
}
