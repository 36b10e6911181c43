import { ALL_RESOURCES, findResource, type Fault, type ProfileName, type Webhook } from '@switchhook/contracts';
import { literalAddress } from './address-policy.js';
import { profileOf } from './profiles/profile-of.js';
import type { Profile, ProfileRules } from './profiles/profile.js';
import type { Read } from './setting-read.js';
import { settleCredentials, type CredentialInputs, type TlsFaults } from './webhook-credentials.js';
import { SETTING_READERS } from './webhook-setting-readers.js';
import { WEBHOOK_DEFAULTS, type WebhookChanges } from './webhook-settings.js';

/** A request to create or change a webhook, as it may go into a command. What is in the clear is still to be sealed. */
export interface WebhookInput {
  readonly changes: WebhookChanges;
  readonly secret?: string | null;
  /** For delivery. */
  readonly credentials: CredentialInputs;
}

/** What was sent back to us as we had shown it; it changes nothing. */
const READ_ONLY = new Set(['id', 'createdAt', 'updatedAt', 'hasSecret', 'hasAuth', 'pausedSince', 'failing']);
/** Fields of interfaces.md that do not work yet: the name alone is not enough to accept them. */
const NOT_YET = new Set(['filter']);
const REQUIRED = ['resource', 'events', 'callback'] as const;

/**
 * Reads the body of a create (without `current`) or of a change, in which absent members stay and null clears. Answers
 * every fault at once, each message beginning with its field. Resource and events are taken in any case and answered in
 * CamelCase. `addressAllowed` says whether a literal address may be called, `tlsFaults` what is wrong with certificates.
 */
export function readWebhookInput(
  body: unknown,
  context: {
    readonly current?: Webhook;
    readonly addressAllowed: (ip: string) => boolean;
    readonly tlsFaults: TlsFaults;
  },
): { readonly faults: readonly Fault[] } | { readonly input: WebhookInput } {
  const { current, addressAllowed, tlsFaults } = context;
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    return { faults: [fault('body', 'must be a JSON object')] };
  }
  const { values, faults } = readMembers(body as Record<string, unknown>);
  if (!current) faults.push(...missing(values, faults));
  const { auth, headers, tls, ...rest } = values;
  const { secret, ...settings } = rest as WebhookChanges & { secret?: string | null };
  const profile = profileOf(profileAfter(settings, current));
  for (const name of ['callback', 'fallbackCallback'] as const) {
    faults.push(...urlFaults(name, urlToCheck(name, settings, current), profile, addressAllowed));
  }
  if (typeof secret === 'string') faults.push(...secretFaults(secret, profile));
  const settled = settleCredentials({ auth, headers, tls }, current, tlsFaults);
  faults.push(...settled.faults);
  const wanted = faults.some(concernsEvents) ? {} : spellEvents(settings, current);
  if ('message' in wanted) faults.push(wanted);
  if (faults.length > 0) return { faults };
  const { credentials } = settled;
  return { input: { changes: { ...settings, ...wanted }, credentials, ...(secret !== undefined && { secret }) } };
}

function profileAfter({ profile }: WebhookChanges, current: Webhook | undefined): ProfileName {
  const kept = profile === undefined ? current?.profile : profile;
  return kept ?? WEBHOOK_DEFAULTS.profile;
}

/** Another profile may have other rules for the callback that stays. */
const urlToCheck = (name: 'callback' | 'fallbackCallback', changes: WebhookChanges, current: Webhook | undefined) =>
  changes[name] === undefined && changes.profile !== undefined ? current?.[name] : changes[name];

const concernsEvents = ({ field }: Fault): boolean => field === 'resource' || field.startsWith('events');

/** What the changes say of resource and events, in the catalogue's spelling, or what is wrong with it beside what stays. */
function spellEvents(
  { resource, events }: WebhookChanges,
  current: Webhook | undefined,
): Pick<WebhookChanges, 'resource' | 'events'> | Fault {
  const wanted = spell(resource ?? current?.resource ?? '', events ?? current?.events ?? []);
  if ('message' in wanted) return wanted;
  return { ...(resource && { resource: wanted.resource }), ...(events && { events: wanted.events }) };
}

const fault = (field: string, words: string): Fault => ({ field, message: `${field}: ${words}` });

function readMembers(body: Record<string, unknown>): { values: Record<string, unknown>; faults: Fault[] } {
  const values: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || READ_ONLY.has(name)) continue;
    const read = Object.hasOwn(SETTING_READERS, name) ? SETTING_READERS[name] : undefined;
    if (!read) {
      faults.push(fault(name, NOT_YET.has(name) ? 'not supported yet' : 'unknown field'));
      continue;
    }
    const result: Read = value === null ? clear(name) : read(value);
    if ('value' in result) values[name] = result.value;
    else faults.push(fault(`${name}${result.at ?? ''}`, result.words));
  }
  return { values, faults };
}

const clear = (name: string): Read =>
  (REQUIRED as readonly string[]).includes(name) ? { words: 'must not be null' } : { value: null };

function missing(values: Record<string, unknown>, faults: readonly Fault[]): Fault[] {
  const isGiven = (name: string) =>
    name in values || faults.some(({ field }) => field === name || field.startsWith(`${name}[`));
  return REQUIRED.filter((name) => !isGiven(name)).map((name) => fault(name, 'is required'));
}

/** Both in the catalogue's spelling, or the first fault. */
function spell(resource: string, events: readonly string[]): { resource: string; events: string[] } | Fault {
  const declaration = findResource(resource);
  if (!declaration) {
    const supported = ALL_RESOURCES.map((known) => known.resource).join(', ');
    return fault('resource', `[${resource}] is unsupported, supported resources are: [${supported}]`);
  }
  const spelled = new Set<string>();
  for (const event of events) {
    const known = declaration.supportedEvents.find((name) => name.toLowerCase() === event.toLowerCase());
    if (known === undefined) return fault('events', unsupported(event, declaration));
    spelled.add(known);
  }
  return { resource: declaration.resource, events: [...spelled] };
}

/** In the words of CallFire's own clients (CallFire Java and C# SDK). */
const unsupported = (
  event: string,
  { resource, supportedEvents }: { resource: string; supportedEvents: readonly string[] },
) => `Event [${event}] is unsupported for ${resource} resource, supported events are: [${supportedEvents.join(', ')}]`;

const MAX_URL_CHARS = 8_000;
const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;

function urlFaults(name: string, url: unknown, { rules }: Profile, addressAllowed: (ip: string) => boolean): Fault[] {
  if (typeof url !== 'string') return [];
  const words = callbackFault(url, rules, addressAllowed);
  return words === undefined ? [] : [fault(name, words)];
}

function callbackFault(
  callback: string,
  rules: ProfileRules,
  addressAllowed: (ip: string) => boolean,
): string | undefined {
  if (callback.length > MAX_URL_CHARS) return `must have at most ${MAX_URL_CHARS} characters, not ${callback.length}`;
  // A URL parser drops these in silence; what we call must be what the customer reads.
  if (/\s|\p{Cc}/u.test(callback)) return 'must not hold white space or control characters';
  if (!URL.canParse(callback)) return 'must be an absolute http or https URL';
  const url = new URL(callback);
  const scheme = rules.schemes.find((allowed) => allowed === url.protocol);
  if (!scheme) return `must be an absolute ${rules.schemes.map((name) => name.slice(0, -1)).join(' or ')} URL`;
  if (!/^https?:\/\//i.test(callback)) return 'must have "//" after its scheme';
  if (url.username !== '' || url.password !== '') return 'must not have credentials in it';
  const port = url.port === '' ? DEFAULT_PORTS[scheme] : Number(url.port);
  if (!rules.portAllowed(port)) return `port ${port} is not allowed, it belongs to another protocol`;
  const address = literalAddress(url.hostname);
  return address !== undefined && !addressAllowed(address) ? `the address ${address} is not a public one` : undefined;
}

function secretFaults(secret: string, profile: Profile): Fault[] {
  try {
    profile.secretToKey(secret);
    return [];
  } catch (error) {
    return [fault('secret', error instanceof Error ? error.message : 'is not usable')];
  }
}
