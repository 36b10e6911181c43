import {
  LIMITS,
  RESOURCES,
  findResource,
  isEventType,
  type RejectCode,
  type Rejection,
  type TelephonyEvent,
} from '@switchhook/contracts';
import { NAME_SEPARATOR } from './names.js';
import { parseRfc3339 } from './rfc3339.js';

export type ReadResult = { readonly event: TelephonyEvent } | { readonly rejection: Rejection };

/** `words` go on after the field's name, so that a refusal always begins with it. */
export const reject = (code: RejectCode, field: string, words: string): { rejection: Rejection } => ({
  rejection: { code, field, words: `${field}: ${words}` },
});

/** CloudEvents attributes as text, by name, as a reader of either mode found them; `datacontenttype` among them. */
export type AttributeTexts = ReadonlyMap<string, string>;

/** What the reader knows beside the attributes. */
export interface Acceptance {
  readonly acceptedAtMs: number;
  /** The account to take where `accountid` is absent. */
  readonly actingAccountId?: number;
}

type EventWithoutData = Omit<TelephonyEvent, 'data'>;

const REQUIRED = ['specversion', 'id', 'source', 'type'] as const;
const NAMED = new Set([...REQUIRED, 'subject', 'time', 'accountid', 'datacontenttype']);
const NAME = /^[a-z0-9]+$/;
// CloudEvents 1.0, "Type System": no control characters in a String. C0, DEL and C1.
// eslint would flag a regular expression over control characters, and this is quicker.
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);
const DECIMAL = /^(?:0|[1-9]\d*)$/;
const JSON_TYPE = /^(?:application\/json|[\w.-]+\/[\w.-]+\+json)$/i;
export const DEFAULT_CONTENT_TYPE = 'application/json';

/** The event without its data, or why its attributes are refused: missing ones first, then each in its order. */
export function readAttributes(
  attributes: AttributeTexts,
  { acceptedAtMs, actingAccountId }: Acceptance,
): { attributes: EventWithoutData } | { rejection: Rejection } {
  const fault =
    missingAttribute(attributes, actingAccountId) ?? malformedAttribute(attributes) ?? unsuitableAttribute(attributes);
  if (fault) return fault;
  const subject = attributes.get('subject');
  const extensions: Record<string, string> = {};
  for (const [name, value] of attributes) if (!NAMED.has(name)) extensions[name] = value;
  return {
    attributes: {
      accountId: Number(attributes.get('accountid') ?? actingAccountId),
      id: attributes.get('id')!,
      source: attributes.get('source')!,
      type: attributes.get('type')!,
      ...(subject !== undefined && { subject }),
      time: attributes.get('time') ?? new Date(acceptedAtMs).toISOString(),
      dataContentType: attributes.get('datacontenttype') ?? DEFAULT_CONTENT_TYPE,
      extensions,
    },
  };
}

function missingAttribute(attributes: AttributeTexts, actingAccountId: number | undefined) {
  const missing = REQUIRED.find((name) => !attributes.has(name));
  if (missing) return reject('missing-attribute', missing, 'is missing');
  if (attributes.has('accountid') || actingAccountId !== undefined) return undefined;
  return reject('missing-attribute', 'accountid', 'is missing');
}

function malformedAttribute(attributes: AttributeTexts) {
  for (const [name, value] of attributes) {
    const words = malformed(name, value);
    if (words) return reject('invalid-attribute', name.slice(0, 100), words);
  }
  return undefined;
}

function malformed(name: string, value: string): string | undefined {
  if (!NAME.test(name)) return 'a CloudEvents attribute is named with lower-case letters and digits only';
  if (name === 'data') return 'is reserved for the data and cannot name an attribute';
  if (name.length > LIMITS.attributeChars) return `the name is longer than ${LIMITS.attributeChars} characters`;
  if (value.length > LIMITS.attributeChars) {
    return `must have at most ${LIMITS.attributeChars} characters, not ${value.length}`;
  }
  if (value === '' && NAMED.has(name)) return 'must not be empty';
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (isControl(code))
      return `must not hold control characters (U+${code.toString(16).padStart(4, '0').toUpperCase()})`;
  }
  return value.isWellFormed() ? undefined : 'must not hold half of a surrogate pair';
}

function unsuitableAttribute(attributes: AttributeTexts) {
  const version = attributes.get('specversion')!;
  if (version !== '1.0') return reject('invalid-attribute', 'specversion', `must be 1.0, not ${quoted(version)}`);
  if (attributes.get('source')!.includes(NAME_SEPARATOR)) {
    return reject('invalid-attribute', 'source', 'must be a URI reference, which cannot hold U+241F');
  }
  const account = attributes.get('accountid');
  if (account !== undefined && !isAccountId(account)) {
    return reject('invalid-attribute', 'accountid', `must be a decimal integer below 2^53, not ${quoted(account)}`);
  }
  const time = attributes.get('time');
  if (time !== undefined && parseRfc3339(time) === undefined) {
    return reject('invalid-attribute', 'time', `must be an RFC 3339 date-time, not ${quoted(time)}`);
  }
  const contentType = attributes.get('datacontenttype');
  if (contentType !== undefined && !isJsonType(contentType)) {
    return reject('invalid-attribute', 'datacontenttype', `must be application/json, not ${quoted(contentType)}`);
  }
  const type = attributes.get('type')!;
  return isEventType(type) ? undefined : reject('unknown-type', 'type', unknownType(type));
}

const isAccountId = (text: string): boolean => DECIMAL.test(text) && Number.isSafeInteger(Number(text));

const isJsonType = (contentType: string): boolean => JSON_TYPE.test(mediaTypeOf(contentType));

/** `application/json` of `application/json; charset=utf-8`. */
export const mediaTypeOf = (contentType: string): string => contentType.split(';', 1)[0]!.trim();

function unknownType(type: string): string {
  const dot = type.indexOf('.');
  const declaration = findResource(dot < 0 ? type : type.slice(0, dot));
  if (!declaration) {
    const resources = RESOURCES.map(({ resource }) => resource).join(', ');
    return `${quoted(type)} is unknown, it must be <Resource>.<Event>, the resources are: [${resources}]`;
  }
  const { resource, supportedEvents } = declaration;
  const types = supportedEvents.map((event) => `${resource}.${event}`).join(', ');
  return `${quoted(type)} is unknown, supported ${resource} types are: [${types}]`;
}

const quoted = (text: string): string => `"${text.length > 100 ? `${text.slice(0, 100)}…` : text}"`;
