/** What a `fields` text selects: a name, and null for all of it or the selection inside it. */
export type Selection = ReadonlyMap<string, Selection | null>;
type OpenSelection = Map<string, OpenSelection | null>;

const MAX_DEPTH = 64;

/**
 * The selection that `fields` describes in CallFire's syntax for partial responses (CallFire API v2, `fields`): a comma list
 * whose parentheses nest. A name that is given whole and in part is selected whole. Lenient, because what is stored must
 * render: a missing bracket closes at the end, one too many is passed over. `fieldsFault` is the strict reading.
 */
export function parseFields(fields: string): Selection {
  const root: OpenSelection = new Map();
  const open: OpenSelection[] = [root];
  for (const [, name, bracket] of fields.matchAll(/([^,()]*)([,()]|$)/g)) {
    const current = open.at(-1)!;
    const trimmedName = name!.trim();
    if (bracket === '(') open.push(innerOf(current, trimmedName));
    else if (trimmedName !== '') current.set(trimmedName, null);
    if (bracket === ')' && open.length > 1) open.pop();
  }
  return root;
}

/** What is wrong with the syntax of `fields`, as words that go on after its name, or null. */
export function fieldsFault(fields: string): string | null {
  let depth = 0;
  for (const [, name, bracket] of fields.matchAll(/([^,()]*)([,()])/g)) {
    if (bracket === '(' && name!.trim() === '') return 'must have a name before each "("';
    if (bracket === '(') depth += 1;
    if (depth > MAX_DEPTH) return `must not nest deeper than ${MAX_DEPTH} levels`;
    if (bracket === ')') depth -= 1;
    if (depth < 0) return 'has a ")" without its "("';
  }
  return depth === 0 ? null : 'has a "(" without its ")"';
}

function innerOf(selection: OpenSelection, name: string): OpenSelection {
  const known = selection.get(name);
  if (known) return known;
  const inner: OpenSelection = new Map();
  // Given whole before: the part adds nothing, but its names must still go somewhere.
  if (known === undefined) selection.set(name, inner);
  return inner;
}
