import { HEADERS_MAX } from '@switchhook/contracts';
import { isObject, type Read } from './setting-read.js';

const MAX_USERNAME_CHARS = 255;
const MAX_SECRET_CHARS = 4_000;
const MAX_PEM_CHARS = 100_000;
const MAX_NAME_CHARS = 100;

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, with blanks within: what every server reads as it was sent (RFC 9110 §5.5). */
const FIELD_VALUE = /^(?:[!-~](?:[ \t!-~]*[!-~])?)?$/;
const VISIBLE = /^[!-~]+$/;

/** Names that belong to the connection (RFC 9110 §7.6.1), to the message, or to us. */
const RESERVED_NAMES = new Set([
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'expect'],
  ...['host', 'content-length', 'content-type', 'content-encoding', 'user-agent', 'traceparent', 'tracestate'],
]);
const RESERVED_PREFIXES = ['proxy-', 'switchhook-', 'webhook-', 'x-callfire-'];

/** Reads `auth`. */
export function readAuth(value: unknown): Read {
  if (!isObject(value)) return { words: 'must be an object' };
  const { type, ...rest } = value;
  if (type === 'basic' || type === 'basic-challenge') {
    return readMembers(rest, { username: usernameFault, password: passwordFault }, { type });
  }
  if (type === 'bearer') return readMembers(rest, { token: tokenFault }, { type });
  return { at: '.type', words: 'must be one of: basic, basic-challenge, bearer' };
}

type WordsFor = (value: unknown) => string | undefined;

function readMembers(given: Record<string, unknown>, members: Record<string, WordsFor>, fixed: object): Read {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(members, name));
  if (unknown !== undefined) return { at: `.${unknown.slice(0, MAX_NAME_CHARS)}`, words: 'unknown field' };
  for (const [name, wordsFor] of Object.entries(members)) {
    const words = given[name] === undefined ? 'is required' : wordsFor(given[name]);
    if (words !== undefined) return { at: `.${name}`, words };
  }
  return { value: { ...fixed, ...given } };
}

/** RFC 7617 §2: a user's name ends at the first colon, and neither part holds control characters. */
const usernameFault: WordsFor = (value) =>
  textFault(value, MAX_USERNAME_CHARS) ?? ((value as string).includes(':') ? 'must not hold a ":"' : undefined);

const passwordFault: WordsFor = (value) => textFault(value, MAX_SECRET_CHARS);

/** Wider than RFC 6750's b64token: whatever fits behind "Bearer " in one word. */
const tokenFault: WordsFor = (value) =>
  textFault(value, MAX_SECRET_CHARS) ??
  (VISIBLE.test(value as string) ? undefined : 'must be one word of visible ASCII characters');

function textFault(value: unknown, maxChars: number): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value === '') return 'must not be empty';
  if (value.length > maxChars) return `must have at most ${maxChars} characters, not ${value.length}`;
  return /\p{Cc}/u.test(value) || !value.isWellFormed() ? 'must be text without control characters' : undefined;
}

/** Reads `headers`: an object, or the names alone, as they are shown, which must then be those that the webhook has. */
export function readHeaders(value: unknown): Read {
  if (Array.isArray(value)) return { value };
  if (!isObject(value)) return { words: 'must be an object of strings' };
  const names = Object.keys(value);
  if (names.length > HEADERS_MAX) return { words: `must have at most ${HEADERS_MAX} names, not ${names.length}` };
  const seen = new Set<string>();
  for (const name of names) {
    const lower = name.toLowerCase();
    const words = seen.has(lower) ? 'is there twice' : (nameFault(name, lower) ?? valueFault(value[name]));
    if (words !== undefined) return { at: `.${name.slice(0, MAX_NAME_CHARS)}`, words };
    seen.add(lower);
  }
  return { value };
}

function nameFault(name: string, lower: string): string | undefined {
  if (!TOKEN.test(name) || name.length > MAX_NAME_CHARS) return 'is not the name of a header';
  const isReserved = RESERVED_NAMES.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
  return isReserved ? 'is not for customers to set' : undefined;
}

function valueFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > MAX_SECRET_CHARS) return `must have at most ${MAX_SECRET_CHARS} characters, not ${value.length}`;
  return FIELD_VALUE.test(value) ? undefined : 'must be visible ASCII characters, with blanks only between them';
}

const TLS_MEMBERS = ['caCertificates', 'clientCertificate', 'clientKey'] as const;

/** Reads `tls` for its shape; a member that is null is to be cleared. Whether it is PEM is judged by `tlsFaults`. */
export function readTls(value: unknown): Read {
  if (!isObject(value)) return { words: 'must be an object' };
  const { hasClientKey: _shown, ...given } = value;
  for (const [name, text] of Object.entries(given)) {
    if (!(TLS_MEMBERS as readonly string[]).includes(name))
      return { at: `.${name.slice(0, 100)}`, words: 'unknown field' };
    if (text === null || text === undefined) continue;
    if (typeof text !== 'string') return { at: `.${name}`, words: 'must be a string' };
    if (text.length > MAX_PEM_CHARS) return { at: `.${name}`, words: `must have at most ${MAX_PEM_CHARS} characters` };
  }
  return { value: given };
}
