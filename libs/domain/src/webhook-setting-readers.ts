import { ORDERINGS, PROFILE_NAMES } from '@switchhook/contracts';
import { readAuth, readHeaders, readTls } from './credential-readers.js';
import { fieldsFault } from './field-selection.js';
import { isObject, type Reader } from './setting-read.js';

const MAX_MS = 30 * 24 * 60 * 60 * 1_000;
const MAX_TEXT_CHARS = 1_000;
const MAX_FIELDS_CHARS = 4_000;
const MAX_RETRIES = 50;
const MAX_LABELS = 20;
const MAX_EVENTS = 100;

const text =
  (maxChars: number): Reader =>
  (value) => {
    if (typeof value !== 'string') return { words: 'must be a string' };
    if (value.length > maxChars) return { words: `must have at most ${maxChars} characters, not ${value.length}` };
    return value.isWellFormed() && !value.includes('\0') ? { value } : { words: 'must be text without U+0000' };
  };

const flag: Reader = (value) => (typeof value === 'boolean' ? { value } : { words: 'must be true or false' });

const integer =
  (min: number, max: number): Reader =>
  (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? { value }
      : { words: `must be an integer from ${min} to ${max}` };

const profile: Reader = (value) =>
  (PROFILE_NAMES as readonly unknown[]).includes(value)
    ? { value }
    : { words: `must be one of: ${PROFILE_NAMES.join(', ')}` };

const events: Reader = (value) => {
  if (!Array.isArray(value)) return { words: 'must be an array of strings' };
  if (value.length === 0 || value.length > MAX_EVENTS) return { words: `must have 1 to ${MAX_EVENTS} items` };
  const wrong = value.findIndex((event) => typeof event !== 'string');
  return wrong < 0 ? { value } : { at: `[${wrong}]`, words: 'must be a string' };
};

const fields: Reader = (value) => {
  const read = text(MAX_FIELDS_CHARS)(value);
  if ('words' in read) return read;
  const words = fieldsFault(value as string);
  return words === null ? read : { words };
};

const delay = integer(0, MAX_MS);
const RETRY_READERS: Readonly<Record<string, Reader>> = {
  delaysMs: (value) => {
    if (!Array.isArray(value) || value.length > MAX_RETRIES)
      return { words: `must be an array of 0 to ${MAX_RETRIES} integers` };
    for (const [index, item] of value.entries()) {
      const read = delay(item);
      if ('words' in read) return { at: `[${index}]`, words: read.words };
    }
    return { value };
  },
  maxAgeMs: integer(1, MAX_MS),
};

const retry: Reader = (value) => {
  if (!isObject(value)) return { words: 'must be an object' };
  const policy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === null || item === undefined) continue;
    const read = Object.hasOwn(RETRY_READERS, name) ? RETRY_READERS[name]!(item) : { words: 'unknown field' };
    if ('words' in read) return { at: `.${name}${read.at ?? ''}`, words: read.words };
    policy[name] = read.value;
  }
  return { value: policy };
};

const oneOf =
  (values: readonly string[]): Reader =>
  (value) =>
    (values as readonly unknown[]).includes(value) ? { value } : { words: `must be one of: ${values.join(', ')}` };

const RATE_PER_SECOND = { min: 0.05, max: 10_000 };
const BURST = integer(1, 100_000);
const perSecond: Reader = (value) =>
  typeof value === 'number' && value >= RATE_PER_SECOND.min && value <= RATE_PER_SECOND.max
    ? { value }
    : { words: `must be a number from ${RATE_PER_SECOND.min} to ${RATE_PER_SECOND.max}` };

/** Without `burst`, as many at once as in one second. */
const rateLimit: Reader = (value) => {
  if (!isObject(value)) return { words: 'must be an object' };
  const { perSecond: rate, burst, ...others } = value;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return { at: `.${unknown.slice(0, 100)}`, words: 'unknown field' };
  const rateRead = perSecond(rate);
  if ('words' in rateRead) return { at: '.perSecond', words: rateRead.words };
  const burstRead = BURST(burst ?? Math.max(1, Math.ceil(rate as number)));
  if ('words' in burstRead) return { at: '.burst', words: burstRead.words };
  return { value: { perSecond: rateRead.value, burst: burstRead.value } };
};

const label = text(MAX_TEXT_CHARS);
const labels: Reader = (value) => {
  if (!isObject(value)) return { words: 'must be an object of strings' };
  const pairs = Object.entries(value);
  if (pairs.length > MAX_LABELS) return { words: `must have at most ${MAX_LABELS} pairs, not ${pairs.length}` };
  for (const [name, item] of pairs) {
    const read = [label(name), label(item)].find((part) => 'words' in part);
    if (read && 'words' in read) return { at: `.${name.slice(0, 100)}`, words: read.words };
  }
  return { value };
};

/** What makes it a URL that may be called depends on the profile. */
const url: Reader = (value) => (typeof value === 'string' ? { value } : { words: 'must be a string' });

/** By the name of a setting: each checks its value alone; what spans settings is `readWebhookInput`'s. */
export const SETTING_READERS: Readonly<Record<string, Reader>> = {
  profile,
  name: text(MAX_TEXT_CHARS),
  resource: text(MAX_TEXT_CHARS),
  events,
  callback: url,
  fallbackCallback: url,
  enabled: flag,
  secret: text(MAX_TEXT_CHARS),
  auth: readAuth,
  headers: readHeaders,
  tls: readTls,
  fields,
  nonStrictSsl: flag,
  singleUse: flag,
  expiresAt: integer(0, Number.MAX_SAFE_INTEGER),
  timeoutMs: integer(100, 30_000),
  retry,
  concurrency: integer(1, 1_000),
  rateLimit,
  ordering: oneOf(ORDERINGS),
  labels,
};
