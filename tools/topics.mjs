// npm run topics: creates the missing topics on the cluster that KAFKA_BROKERS names, and says what it did.
// Needs the built libraries (npm run build).
import { readFileSync } from 'node:fs';

const brokers = (process.env.KAFKA_BROKERS ?? '').split(',').filter(Boolean);
if (brokers.length === 0) {
  console.error('KAFKA_BROKERS is not set: a comma list of host:port');
  process.exit(1);
}

/** A whole number from the environment, or undefined. */
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

const quiet = {
  debug() {},
  info() {},
  warn: (_, words) => console.error(words),
  error: (_, words) => console.error(words),
};

try {
  const { createKafkaTopics } = await import('../libs/event-log/dist/index.js');
  const { created, present } = await createKafkaTopics({
    brokers,
    clientId: 'switchhook-topics',
    topicPrefix: process.env.TOPIC_PREFIX ?? 'switchhook.',
    createTopics: true,
    partitions: count('KAFKA_PARTITIONS'),
    replication: count('KAFKA_REPLICATION'),
    sasl: sasl(),
    ssl: ssl(),
    logger: quiet,
  });
  for (const topic of created) console.log(`created  ${topic}`);
  for (const topic of present) console.log(`present  ${topic}`);
  console.log(`${created.length} created, ${present.length} already there`);
} catch (error) {
  console.error(error.code === 'ERR_MODULE_NOT_FOUND' ? 'Build first: npm run build' : error.message);
  process.exit(1);
}
