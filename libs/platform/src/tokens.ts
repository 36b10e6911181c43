/**
 * Injection tokens of what a process shares (resources.ts). Services inject by these, never by class, so that the files
 * in the middle stay free of the framework.
 */
export const EVENT_LOG = Symbol('EVENT_LOG');
/** The TypeORM DataSource. */
export const DATABASE = Symbol('DATABASE');
/** The URL of the same database, for `migrate`. */
export const DATABASE_URL = Symbol('DATABASE_URL');
export const KEY_RING = Symbol('KEY_RING');
export const METRICS = Symbol('METRICS');
/** `() => number`, epoch milliseconds. */
export const CLOCK = Symbol('CLOCK');
export const WEBHOOK_DIRECTORY = Symbol('WEBHOOK_DIRECTORY');
export const CREDENTIAL_DIRECTORY = Symbol('CREDENTIAL_DIRECTORY');
/** `AccountDirectory`: which accounts exist, from both directories. */
export const ACCOUNT_DIRECTORY = Symbol('ACCOUNT_DIRECTORY');
export const LOGGER = Symbol('LOGGER');
export const READINESS = Symbol('READINESS');
export const CONSUMER_GROUPS = Symbol('CONSUMER_GROUPS');
/** `LoopbackGrants`: what a webhook may have as its callback although it is on this machine. */
export const LOOPBACK_GRANTS = Symbol('LOOPBACK_GRANTS');
