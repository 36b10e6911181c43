import { setActor, PLATFORM_ACCOUNT, type Actor } from './actor.js';
import type { CredentialDirectory } from './credential-directory.js';
import { HttpFault } from './http-errors.js';

/** What authentication looks at, of Fastify's request. */
export interface AuthRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The pattern of the route that the request matched: what the URL says may be spelt in many ways. */
  readonly routeOptions: { readonly url?: string | undefined };
}

/** Routes that need no credentials. The API description is public because CallFire's clients fetch it before anything else. */
const PUBLIC_ROUTES: ReadonlySet<string> = new Set([
  '/health/live',
  '/health/ready',
  '/metrics',
  '/v2/api-docs/swagger.json',
]);
const PUBLIC_PREFIX = '/.well-known/';

const ACCOUNT_HEADER = 'switchhook-account';
/** Decimal, without sign or leading zero: one spelling per account. */
const ACCOUNT_ID = /^(0|[1-9]\d{0,15})$/;

/**
 * Finds out who `request` acts as and remembers it (`actorOf`). Throws `HttpFault`: 401 without valid Basic credentials
 * (RFC 7617), 400 and 403 for the account header (interfaces.md, "Environment").
 */
export async function authenticate(
  request: AuthRequest,
  credentials: Pick<CredentialDirectory, 'verify'>,
): Promise<void> {
  const route = request.routeOptions.url;
  // Without a route the answer is 404 or 405, which tells nothing that the documentation does not.
  if (route === undefined || PUBLIC_ROUTES.has(route) || route.startsWith(PUBLIC_PREFIX)) return;
  const pair = readBasic(request.headers['authorization']);
  if (!pair) throw new HttpFault('unauthenticated', 'Basic credentials are needed');
  const credential = await credentials.verify(pair.username, pair.password);
  if (!credential) throw new HttpFault('unauthenticated', 'The credentials are not valid');
  setActor(request, actorFor(credential, request.headers[ACCOUNT_HEADER]));
}

function actorFor(
  credential: { id: number; role: 'platform' | 'account'; accountId?: number | undefined },
  header: string | readonly string[] | undefined,
): Actor {
  const { id: credentialId, role } = credential;
  if (role === 'platform') {
    const accountId = header === undefined ? PLATFORM_ACCOUNT : readAccountId(header);
    return { credentialId, role, accountId, anyAccount: header === undefined };
  }
  if (header !== undefined) {
    throw new HttpFault('otherAccount', 'Switchhook-Account is for the platform credential only');
  }
  if (credential.accountId === undefined) throw new HttpFault('forbidden', 'The credential belongs to no account');
  return { credentialId, role, accountId: credential.accountId, anyAccount: false };
}

function readAccountId(header: string | readonly string[]): number {
  const accountId = typeof header === 'string' && ACCOUNT_ID.test(header) ? Number(header) : Number.NaN;
  if (!Number.isSafeInteger(accountId)) {
    throw new HttpFault('badAccountHeader', 'Switchhook-Account must be a whole number below 2^53');
  }
  return accountId;
}

function readBasic(header: string | readonly string[] | undefined): { username: string; password: string } | undefined {
  const [, encoded] = typeof header === 'string' ? (/^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(header) ?? []) : [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
