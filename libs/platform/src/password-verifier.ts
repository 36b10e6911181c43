import {
  createHmac,
  createSecretKey,
  hash,
  randomBytes,
  scrypt,
  timingSafeEqual,
  type KeyObject,
  type ScryptOptions,
} from 'node:crypto';
import type { Credential } from '@switchhook/contracts';
import { HttpFault } from './http-errors.js';

/**
 * Whether `password` belongs to `credential`. Without a credential: false, after as much work as for a generated one.
 * Throws `HttpFault` (429) when too many slow checks wait.
 */
export type PasswordCheck = (
  credential: Credential | undefined,
  username: string,
  password: string,
) => Promise<boolean>;

/** 2^15, 8, 1 takes some 60 ms and 32 MiB: OWASP Password Storage Cheat Sheet, scrypt. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1 };
const SCRYPT_BYTES = 32;
/** Slow checks that may wait for their turn; beyond that the answer is 429. */
const WAITING_CHECKS = 16;

/** The verifier of a generated password (≥ 128 random bits): a keyed hash is enough (correctness.md §6). */
export function generatedVerifier(secret: Buffer | KeyObject, password: string): string {
  return `hmac-sha256:${keyedHash(secret, password).toString('base64url')}`;
}

/** The verifier of a password that an operator chose. `salt`: 16 random bytes. */
export async function chosenVerifier(password: string, salt: Buffer): Promise<string> {
  const hash = await scryptHash(password, salt, SCRYPT_BYTES, SCRYPT);
  return `scrypt:${SCRYPT.N}:${SCRYPT.r}:${SCRYPT.p}:${salt.toString('base64url')}:${hash.toString('base64url')}`;
}

/**
 * Checks passwords against verifiers. `rawSecrets` are the `credentials` keys, the current one first. scrypt runs one at a
 * time (it shares Node's four threads with everybody); the pair that passed is remembered, as a keyed hash, until the
 * credential's version changes.
 */
export function createPasswordCheck(rawSecrets: readonly Buffer[]): PasswordCheck {
  const secrets = rawSecrets.map((secret) => createSecretKey(secret));
  // Each request is hashed: a key object is made once, a raw key would be turned into one each time.
  const cachePrefix = randomBytes(32).toString('hex');
  const passed = new Map<number, { version: number; pair: Buffer }>();
  const oneAtATime = createQueue(WAITING_CHECKS);
  const decoy = generatedVerifier(createSecretKey(randomBytes(32)), '');

  const underWay = new Map<string, Promise<boolean>>();

  const checkScrypt = async (credential: Credential, password: string, pair: Buffer): Promise<boolean> => {
    const ok = await oneAtATime(() => matchesScrypt(credential.verifier, password));
    if (ok) passed.set(credential.id, { version: credential.version, pair });
    return ok;
  };

  const passesScrypt = (credential: Credential, username: string, password: string): Promise<boolean> => {
    // Each request comes by here: one call over a secret prefix is a quarter of an HMAC, and nobody sees its results.
    const pair = hash('sha256', cachePrefix + JSON.stringify([username, password]), 'buffer');
    const known = passed.get(credential.id);
    if (known?.version === credential.version && timingSafeEqual(known.pair, pair)) return Promise.resolve(true);
    // After a restart all of a client's connections ask at once: they share one check.
    const name = `${credential.id}/${credential.version}/${pair.toString('base64url')}`;
    const shared = underWay.get(name) ?? checkScrypt(credential, password, pair).finally(() => underWay.delete(name));
    underWay.set(name, shared);
    return shared;
  };

  return async (credential, username, password) => {
    const verifier = credential?.verifier ?? decoy;
    if (credential && verifier.startsWith('scrypt:')) return passesScrypt(credential, username, password);
    // No short cut: every key is tried, whichever fits.
    const fits = secrets.filter((secret) => equal(verifier, generatedVerifier(secret, password)));
    return credential !== undefined && fits.length > 0;
  };
}

const keyedHash = (key: Buffer | KeyObject, text: string): Buffer =>
  createHmac('sha256', key).update(text, 'utf8').digest();

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function matchesScrypt(verifier: string, password: string): Promise<boolean> {
  const [, N, r, p, salt = '', hash = ''] = verifier.split(':');
  const expected = Buffer.from(hash, 'base64url');
  if (expected.length < 16) return false;
  const options = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await scryptHash(password, Buffer.from(salt, 'base64url'), expected.length, options);
  return timingSafeEqual(actual, expected);
}

function scryptHash(password: string, salt: Buffer, bytes: number, options: ScryptOptions): Promise<Buffer> {
  const maxmem = 256 * (options.N ?? 1) * (options.r ?? 1);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, { ...options, maxmem }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function createQueue(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= limit) {
      throw new HttpFault('tooMany', 'Too many sign-ins are being checked', { retryAfterSeconds: 1 });
    }
    waiting += 1;
    const run = last.then(work).finally(() => (waiting -= 1));
    last = run.catch(() => undefined);
    return run;
  };
}
