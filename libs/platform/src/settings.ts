import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { ConfigError, commaList, loadConfig, onOff, wholeNumber, type ConfigFault } from './load-config.js';

export const ROLES = ['all', 'gateway', 'subscriptions', 'ingestion', 'signing', 'delivery', 'audit'] as const;

const isCidr = (text: string): boolean => ipaddr.isValidCIDR(text);

const CidrList = commaList().refine((cidrs) => cidrs.every(isCidr), {
  error: 'must be a comma list of CIDRs such as 127.0.0.0/8',
});

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`, as Node's `Resolver.setServers` takes them. */
function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const isAddress = v6 === undefined ? isIP(v4 ?? '') === 4 : isIP(v6) === 6;
  return isAddress && Number(port) > 0 && Number(port) <= 65_535;
}

/** A URL with one of `protocols` (`http:`). */
export const Url = (protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const ACCOUNT_WEIGHT = /^(0|[1-9]\d{0,15})=([1-9]\d?|100)$/;

/** `17=4,23=2`, each account once; ids below 2^53. */
const AccountWeights = commaList().transform((items, context) => {
  const pairs = items.map((item) => ACCOUNT_WEIGHT.exec(item)?.slice(1).map(Number) ?? []);
  const weights = new Map(pairs.map(([accountId = NaN, weight = NaN]) => [accountId, weight]));
  if (weights.size < items.length || ![...weights.keys()].every(Number.isSafeInteger)) {
    context.addIssue('must be a comma list of account=weight, each account once, weights 1 … 100, such as 17=4,23=2');
  }
  return weights as ReadonlyMap<number, number>;
});

/** The variables that every service reads (interfaces.md, "Environment"). */
export const SettingsSchema = z.object({
  PORT: wholeNumber(0, 65_535).optional(),
  HOST: z.string().default('127.0.0.1'),
  ROLE: z.enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` }).default('all'),
  KAFKA_BROKERS: commaList()
    .refine((brokers) => brokers.length > 0 && brokers.every((broker) => /^\S+:\d{1,5}$/.test(broker)), {
      error: 'must be a comma list of host:port',
    })
    .optional(),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'], { error: 'must be plain, scram-sha-256 or scram-sha-512' })
    .optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  KAFKA_SSL: onOff().default(false),
  /** Paths of PEM files. */
  KAFKA_SSL_CA: z.string().optional(),
  KAFKA_SSL_CERT: z.string().optional(),
  KAFKA_SSL_KEY: z.string().optional(),
  KAFKA_REPLICATION: wholeNumber(1, 32).optional(),
  KAFKA_PARTITIONS: wholeNumber(1, 1_000).default(6),
  KAFKA_CREATE_TOPICS: onOff().default(true),
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'may have letters, digits, "." "_" and "-" only')
    .default('switchhook.'),
  DATABASE_URL: Url(['postgres:', 'postgresql:']).optional(),
  SWITCHHOOK_DATA: z.string().default('./.switchhook'),
  SWITCHHOOK_KEYS: z.string().optional(),
  SWITCHHOOK_ADMIN_USER: z
    .string()
    .regex(/^[^:]{1,200}$/, 'must not contain ":"')
    .optional(),
  SWITCHHOOK_ADMIN_PASSWORD: z.string().min(8, 'must have at least 8 characters').optional(),
  SWITCHHOOK_INTERNAL_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  SWITCHHOOK_ALLOW_PRIVATE: CidrList.default([]),
  /** Deliveries per second of an account, and at once, that one instance of ingestion sends the short way. */
  SWITCHHOOK_ACCOUNT_RATE: wholeNumber(1, 1_000_000).default(500),
  SWITCHHOOK_ACCOUNT_BURST: wholeNumber(1, 10_000_000).default(5_000),
  /** How much an account counts in delivery where accounts compete; 1 unless named. */
  SWITCHHOOK_ACCOUNT_WEIGHTS: AccountWeights.default(new Map()),
  SWITCHHOOK_OUTBOUND_PROXY: Url(['http:', 'https:']).optional(),
  SWITCHHOOK_OUTBOUND_ADDRESS: z
    .string()
    .refine((text) => isIP(text) !== 0, { error: 'must be an IP address of this machine' })
    .optional(),
  /** Asked for the names in callbacks, in place of this machine's own. */
  SWITCHHOOK_DNS_SERVERS: commaList()
    .refine((servers) => servers.length > 0 && servers.every(isNameServer), {
      error: 'must be a comma list of IP addresses, each with a port if it is not 53',
    })
    .optional(),
  SWITCHHOOK_SAMPLE: onOff().optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { error: 'must be a pino level' })
    .default('info'),
});
export type Settings = z.infer<typeof SettingsSchema>;

/** What a service alone cannot do without: another process must find the same. */
const NEEDED_ALONE = ['KAFKA_BROKERS', 'DATABASE_URL', 'SWITCHHOOK_KEYS', 'SWITCHHOOK_INTERNAL_TOKEN'] as const;

/**
 * The common settings. `alone`: the process runs one service and needs what it shares with the others to be named.
 * Throws `ConfigError` with every fault.
 */
export function readSettings(env: NodeJS.ProcessEnv, { alone }: { alone: boolean }): Settings {
  const missing = missingOf(env, alone);
  try {
    const settings = loadConfig(SettingsSchema, env);
    if (missing.length === 0) return settings;
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError([...error.faults, ...missing]);
    throw error;
  }
  throw new ConfigError(missing);
}

/** What is needed because of something else that is set, or not. */
function missingOf(env: NodeJS.ProcessEnv, alone: boolean): ConfigFault[] {
  const isMissing = (variable: string): boolean => !env[variable];
  const pair = ['SWITCHHOOK_ADMIN_USER', 'SWITCHHOOK_ADMIN_PASSWORD'].filter(isMissing);
  const sasl = isMissing('KAFKA_SASL_MECHANISM')
    ? []
    : ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'].filter(isMissing);
  const because = (variables: readonly string[], why: string): ConfigFault[] =>
    variables.map((variable) => ({ variable, words: `is missing (${why})` }));
  return [
    ...because(alone ? NEEDED_ALONE.filter(isMissing) : [], 'a service alone needs it'),
    ...because(pair.length === 1 ? pair : [], 'user and password go together'),
    ...because(sasl, 'KAFKA_SASL_MECHANISM needs it'),
  ];
}
