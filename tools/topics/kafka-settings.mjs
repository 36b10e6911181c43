import { readFileSync } from 'node:fs';

/** A whole number from the environment, or undefined. Throws for anything else. */
function count(name) {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${name} must be a whole number above 0, not "${text}"`);
  return Number(text);
}

/** KAFKA_SASL_MECHANISM (plain by default), KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD. */
function sasl() {
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = process.env;
  if (!username) return undefined;
  return { mechanism: (process.env.KAFKA_SASL_MECHANISM ?? 'plain').toLowerCase(), username, password: password ?? '' };
}

/** KAFKA_SSL on; KAFKA_SSL_CA, KAFKA_SSL_CERT, KAFKA_SSL_KEY are paths of PEM files. */
function ssl() {
  if (!['1', 'true', 'on'].includes((process.env.KAFKA_SSL ?? '').toLowerCase())) return undefined;
  const pem = (name) => (process.env[name] ? readFileSync(process.env[name], 'utf8') : undefined);
  return { ca: pem('KAFKA_SSL_CA'), cert: pem('KAFKA_SSL_CERT'), key: pem('KAFKA_SSL_KEY') };
}

/** Only what goes wrong is said. */
export const quiet = {
  debug() {},
  info() {},
  warn: (_, words) => console.error(words),
  error: (_, words) => console.error(words),
};

/** The prefix of every topic's name. */
export const topicPrefix = () => process.env.TOPIC_PREFIX ?? 'switchhook.';

/** Options of the Kafka engine from the environment; undefined without KAFKA_BROKERS. */
export function kafkaSettings() {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',').filter(Boolean);
  if (brokers.length === 0) return undefined;
  return {
    brokers,
    clientId: 'switchhook-topics',
    topicPrefix: topicPrefix(),
    createTopics: true,
    partitions: count('KAFKA_PARTITIONS'),
    replication: count('KAFKA_REPLICATION'),
    sasl: sasl(),
    ssl: ssl(),
    logger: quiet,
  };
}
