import { LIMITS } from '@switchhook/contracts';
import { BYTE, describeFault, faultAt, scanValue, skipSpace } from './json-grammar.js';
import { parseFields, type Selection } from './field-selection.js';

/**
 * What is wrong with `text` as one JSON value in UTF-8 (RFC 8259; no byte order mark), as words that go on after a name
 * (`has an unexpected "}" at byte 12`), or null when nothing is. Nesting beyond `depth` is a fault.
 */
export function checkJson(text: Buffer, limits: { depth?: number } = {}): string | null {
  const depth = limits.depth ?? LIMITS.jsonDepth;
  const end = scanValue(text, skipSpace(text, 0), depth);
  if (end < 0) return describeFault(text, end, depth);
  const rest = skipSpace(text, end);
  return rest === text.length ? null : describeFault(text, faultAt(rest), depth);
}

/**
 * The value at `path` (member names; of an array, its indexes) as a view on the bytes of `text`, or undefined when it is
 * not there. Of members with one name the last counts, as for JSON.parse; names are compared as they read after their
 * escapes. `text` must have passed `checkJson`; of another the result means nothing: it may throw, but it ends.
 */
export function member(text: Buffer, path: readonly string[]): Buffer | undefined {
  let value: Buffer | undefined = trimmed(text);
  for (const name of path) {
    value = value[0] === BYTE.openArray ? itemOf(value, name) : lastMember(value, name);
    if (value === undefined) return undefined;
  }
  return value;
}

/** The members of a checked JSON object in their order, values as views, or undefined when `text` is not an object. */
export function objectMembers(text: Buffer): { name: string; value: Buffer }[] | undefined {
  const object = trimmed(text);
  if (object[0] !== BYTE.openObject) return undefined;
  const members: { name: string; value: Buffer }[] = [];
  visitMembers(object, (nameStart, nameEnd, start, end) => {
    members.push({ name: stringOf(object.subarray(nameStart, nameEnd)), value: object.subarray(start, end) });
  });
  return members;
}

/**
 * The items of a JSON array as views, one after the other; at the end, whether `text` is an array at all. The text need not
 * have been checked: what stands between the items is, so when every item passes `checkJson`, the array would have.
 */
export function* arrayItems(text: Buffer): Generator<Buffer, boolean> {
  let at = skipSpace(text, 0);
  if (text[at] !== BYTE.openArray) return false;
  at = skipSpace(text, at + 1);
  while (text[at] !== BYTE.closeArray) {
    const end = skipValue(text, at);
    yield text.subarray(at, end);
    at = skipSpace(text, end);
    if (text[at] === BYTE.closeArray) break;
    if (text[at] !== BYTE.comma) return false;
    at = skipSpace(text, at + 1);
    if (text[at] === BYTE.closeArray) return false;
  }
  return skipSpace(text, at + 1) === text.length;
}

/** The text of a checked JSON string. */
export const stringOf = (string: Buffer): string =>
  string.includes(BYTE.backslash)
    ? (JSON.parse(string.toString('utf8')) as string)
    : string.toString('utf8', 1, string.length - 1);

/** Whether a checked JSON value is a string. */
export const isString = (value: Buffer): boolean => value[0] === BYTE.quote;

/**
 * What `fields` selects of a checked JSON text, in CallFire's syntax (`id,items(id,name)`: a comma list, parentheses go into
 * objects and into each item of arrays). Unknown names are ignored; what stays keeps its bytes and its order; a value
 * without members stays whole, whatever is asked of it. An empty `fields` selects everything.
 */
export function selectFields(text: Buffer, fields: string): Buffer {
  const selection = parseFields(fields);
  if (selection.size === 0) return text;
  const chunks: Buffer[] = [];
  pushSelected(trimmed(text), selection, chunks);
  return Buffer.concat(chunks);
}

const COMMA = Buffer.from(',');
const BRACKETS = {
  object: [Buffer.from('{'), Buffer.from('}')],
  array: [Buffer.from('['), Buffer.from(']')],
} as const;

function pushSelected(value: Buffer, selection: Selection, chunks: Buffer[]): void {
  if (value[0] === BYTE.openObject) {
    pushSelectedMembers(value, selection, chunks);
  } else if (value[0] === BYTE.openArray) {
    chunks.push(BRACKETS.array[0]);
    visitItems(value, (start, end, index) => {
      if (index > 0) chunks.push(COMMA);
      pushSelected(value.subarray(start, end), selection, chunks);
    });
    chunks.push(BRACKETS.array[1]);
  } else {
    chunks.push(value);
  }
}

function pushSelectedMembers(object: Buffer, selection: Selection, chunks: Buffer[]): void {
  chunks.push(BRACKETS.object[0]);
  let first = true;
  visitMembers(object, (nameStart, nameEnd, start, end) => {
    const inner = selection.get(stringOf(object.subarray(nameStart, nameEnd)));
    if (inner === undefined) return;
    if (!first) chunks.push(COMMA);
    first = false;
    if (inner === null) {
      chunks.push(object.subarray(nameStart, end));
    } else {
      chunks.push(object.subarray(nameStart, start));
      pushSelected(object.subarray(start, end), inner, chunks);
    }
  });
  chunks.push(BRACKETS.object[1]);
}

function lastMember(object: Buffer, wanted: string): Buffer | undefined {
  if (object[0] !== BYTE.openObject) return undefined;
  const plain = Buffer.from(wanted);
  let found: Buffer | undefined;
  visitMembers(object, (nameStart, nameEnd, start, end) => {
    if (isCalled(object, nameStart, nameEnd, wanted, plain)) found = object.subarray(start, end);
  });
  return found;
}

/** Compares bytes in place: a name with escapes in it is rare, always longer than what it says, and only it is decoded. */
function isCalled(object: Buffer, start: number, end: number, wanted: string, plain: Buffer): boolean {
  const bytes = end - start - 2;
  if (bytes < plain.length) return false;
  // A name with a backslash in it is written with an escape, so equal bytes would be another name.
  if (bytes === plain.length)
    return !wanted.includes('\\') && object.compare(plain, 0, bytes, start + 1, end - 1) === 0;
  return hasEscape(object, start, end) && stringOf(object.subarray(start, end)) === wanted;
}

function hasEscape(text: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (text[at] === BYTE.backslash) return true;
  return false;
}

function itemOf(array: Buffer, index: string): Buffer | undefined {
  let found: Buffer | undefined;
  visitItems(array, (start, end, at) => {
    if (String(at) === index) found = array.subarray(start, end);
  });
  return found;
}

function visitMembers(
  object: Buffer,
  visit: (nameStart: number, nameEnd: number, start: number, end: number) => void,
): void {
  let at = skipSpace(object, 1);
  while (at < object.length && object[at] !== BYTE.closeObject) {
    const nameEnd = skipString(object, at);
    const start = skipSpace(object, skipSpace(object, nameEnd) + 1);
    const end = skipValue(object, start);
    visit(at, nameEnd, start, end);
    at = skipSpace(object, skipSpace(object, end) + 1);
  }
}

function visitItems(array: Buffer, visit: (start: number, end: number, index: number) => void): void {
  let at = skipSpace(array, 1);
  for (let index = 0; at < array.length && array[at] !== BYTE.closeArray; index += 1) {
    const end = skipValue(array, at);
    visit(at, end, index);
    at = skipSpace(array, skipSpace(array, end) + 1);
  }
}

/** The end of the value at `start` in a checked text; beyond `start` and within the text for any other. */
function skipValue(text: Buffer, start: number): number {
  const first = text[start];
  if (first === BYTE.quote) return skipString(text, start);
  if (first === BYTE.openObject || first === BYTE.openArray) return skipContainer(text, start);
  let at = start + 1;
  while (at < text.length && !endsScalar(text[at]!)) at += 1;
  return Math.min(at, text.length);
}

const endsScalar = (byte: number): boolean =>
  byte === BYTE.comma || byte === BYTE.closeObject || byte === BYTE.closeArray || byte <= 0x20;

function skipContainer(text: Buffer, start: number): number {
  let open = 0;
  let at = start;
  while (at < text.length) {
    const byte = text[at]!;
    if (byte === BYTE.quote) {
      at = skipString(text, at);
      continue;
    }
    at += 1;
    if (byte === BYTE.openObject || byte === BYTE.openArray) open += 1;
    else if ((byte === BYTE.closeObject || byte === BYTE.closeArray) && (open -= 1) === 0) return at;
  }
  return text.length;
}

function skipString(text: Buffer, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const byte = text[at]!;
    if (byte === BYTE.quote) return at + 1;
    at += byte === BYTE.backslash ? 2 : 1;
  }
  return text.length;
}

function trimmed(text: Buffer): Buffer {
  const start = skipSpace(text, 0);
  let end = text.length;
  while (end > start && text[end - 1]! <= 0x20) end -= 1;
  return text.subarray(start, end);
}
