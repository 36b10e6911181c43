import type { CallClass, Consequence } from '../call-class.js';
import type { ProfileRules } from './profile.js';
import { anyPortForHttp } from './ports.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const delaysMs = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR];

/**
 * What follows from a call. Retried is what may pass: the receiver or the way to it is in trouble, or it asks for later. Given
 * up is what would be the same again: a client error, and an address that policy refuses (each try would look like a probe of
 * the network behind). A redirect is not followed, but a receiver that moves for an hour is not lost. `gone` is what Standard
 * Webhooks says about 410: the sender disables the endpoint.
 */
export const DEFAULT_OUTCOMES: Readonly<Record<CallClass, Consequence>> = {
  success: 'succeed',
  redirect: 'retry',
  'request-timeout': 'retry',
  gone: 'disable',
  'too-early': 'retry',
  'too-many-requests': 'retry',
  'client-error': 'end',
  'server-error': 'retry',
  'unexpected-status': 'retry',
  timeout: 'retry',
  refused: 'retry',
  reset: 'retry',
  dns: 'retry',
  tls: 'retry',
  'address-refused': 'end',
  protocol: 'retry',
  'response-too-large': 'retry',
};

/** What holds where no vendor gives a number (architecture.md §2.7). */
export const DEFAULT_RULES: Omit<ProfileRules, 'generatedSecretBytes'> = {
  timeoutMs: 15 * SECOND,
  delaysMs,
  maxAgeMs: delaysMs.reduce((sum, delay) => sum + delay, 0) + 24 * HOUR,
  schemes: ['http:', 'https:'],
  portAllowed: anyPortForHttp,
  outcomes: DEFAULT_OUTCOMES,
  failingLimitMs: 5 * 24 * HOUR,
  fallback: 'at-once',
};

/** Any 2xx. */
export const accepts2xx = (statusCode: number): boolean => statusCode >= 200 && statusCode <= 299;
