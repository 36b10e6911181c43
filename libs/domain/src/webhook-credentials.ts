import type { Fault, Sealed, Webhook, WebhookTls } from '@switchhook/contracts';

/** `auth` as the customer gives it: in the clear, still to be sealed. */
export type AuthInput =
  | { readonly type: 'basic' | 'basic-challenge'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string };

/** `tls` as it is to be: a key in the clear is still to be sealed, a sealed one stays. */
export interface TlsInput {
  readonly caCertificates?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string | Sealed;
}

/** What must be sealed before it goes into a command. Absent members stay as they are; null clears. */
export interface CredentialInputs {
  readonly auth?: AuthInput | null;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly tls?: TlsInput | null;
}

/** The PEM texts that `tls` is to have. Without a new key, the one that stays fits the current certificate. */
export interface TlsTexts {
  readonly caCertificates?: string;
  readonly clientCertificate?: string;
  readonly clientKey: string | undefined;
  readonly currentCertificate: string | undefined;
}

/** The names of settings that hold what must be sealed. */
const NAMES = ['auth', 'headers', 'tls'] as const;

/** Says what is wrong with PEM texts: each fault names the member of `tls`. */
export type TlsFaults = (texts: TlsTexts) => readonly Fault[];

/**
 * What the given `auth`, `headers` and `tls` (read for their shape before) lead to, and what is wrong with them beside what
 * stays of `current`.
 */
export function settleCredentials(
  given: Readonly<Record<string, unknown>>,
  current: Webhook | undefined,
  tlsFaults: TlsFaults,
): { readonly credentials: CredentialInputs; readonly faults: readonly Fault[] } {
  if (NAMES.every((name) => given[name] === undefined)) return { credentials: {}, faults: [] };
  const auth = given['auth'] as AuthInput | null | undefined;
  const headers = settleHeaders(given['headers'], current);
  const tls = settleTls(given['tls'] as TlsChange | null | undefined, current, tlsFaults);
  const credentials = {
    ...(auth !== undefined && { auth }),
    ...(headers.value !== undefined && { headers: headers.value }),
    ...(tls.value !== undefined && { tls: tls.value }),
  };
  return { credentials, faults: [...headers.faults, ...authorizedTwice(credentials, current), ...tls.faults] };
}

interface Settled<T> {
  readonly value?: T | null;
  readonly faults: readonly Fault[];
}

function authorizedTwice({ auth, headers }: CredentialInputs, current: Webhook | undefined): readonly Fault[] {
  const hasAuth = auth === undefined ? current?.auth !== undefined : auth !== null;
  const names = Object.keys((headers === undefined ? current?.headers : headers) ?? {});
  const name = names.find((each) => each.toLowerCase() === 'authorization');
  return hasAuth && name !== undefined ? [fault(`headers.${name}`, 'must not be there beside auth')] : [];
}

/** Names alone are what we show: sent back unchanged they change nothing. */
function settleHeaders(given: unknown, current: Webhook | undefined): Settled<Readonly<Record<string, string>>> {
  if (!Array.isArray(given)) return { value: given as Readonly<Record<string, string>> | null | undefined, faults: [] };
  const shown = Object.keys(current?.headers ?? {});
  const isShown = given.length === shown.length && shown.every((name) => given.includes(name));
  return { faults: isShown ? [] : [fault('headers', 'must be an object of names and values')] };
}

type TlsChange = { readonly [Name in keyof TlsInput]?: string | null };

function settleTls(
  change: TlsChange | null | undefined,
  current: Webhook | undefined,
  tlsFaults: TlsFaults,
): Settled<TlsInput> {
  if (change === undefined || change === null) return { value: change, faults: [] };
  const value = changedTls(change, current?.tls ?? {});
  const unpaired = pairFault(value);
  if (unpaired !== undefined) return { faults: [fault('tls.clientKey', unpaired)] };
  const { clientKey } = value;
  const texts = { ...value, clientKey: typeof clientKey === 'string' ? clientKey : undefined };
  const faults = tlsFaults({ ...texts, currentCertificate: current?.tls?.clientCertificate });
  return { value: Object.keys(value).length === 0 ? null : value, faults };
}

function pairFault({ clientCertificate, clientKey }: TlsInput): string | undefined {
  if (clientCertificate === undefined) return clientKey === undefined ? undefined : 'needs tls.clientCertificate';
  return clientKey === undefined ? 'is required with tls.clientCertificate' : undefined;
}

/** Member by member: absent stays, null clears. A key goes with its certificate. */
function changedTls(change: TlsChange, before: WebhookTls): TlsInput {
  const caCertificates = settled(change.caCertificates, before.caCertificates);
  const clientCertificate = settled(change.clientCertificate, before.clientCertificate);
  const clientKey = settled(change.clientKey, change.clientCertificate === null ? undefined : before.clientKey);
  return {
    ...(caCertificates !== undefined && { caCertificates }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
  };
}

const settled = <T, U>(given: T | null | undefined, before: U | undefined): T | U | undefined =>
  given === undefined ? before : (given ?? undefined);

const fault = (field: string, words: string): Fault => ({ field, message: `${field}: ${words}` });
