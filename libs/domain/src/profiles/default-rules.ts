import type { ProfileRules } from './profile.js';
import { anyPortForHttp } from './ports.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const delaysMs = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR];

/** What holds where no vendor gives a number (architecture.md §2.7). */
export const DEFAULT_RULES: Omit<ProfileRules, 'generatedSecretBytes'> = {
  timeoutMs: 15 * SECOND,
  delaysMs,
  maxAgeMs: delaysMs.reduce((sum, delay) => sum + delay, 0) + 24 * HOUR,
  schemes: ['http:', 'https:'],
  portAllowed: anyPortForHttp,
  redirect: 'retry',
};

/** Any 2xx. */
export const accepts2xx = (statusCode: number): boolean => statusCode >= 200 && statusCode <= 299;
