import type { EventLog } from '../event-log.js';
import { openKafkaLog } from '../kafka/kafka-log.js';
import { silentLogger } from './silent-logger.js';

/** For the conformance suite's child: the log that `EVENT_LOG_BROKERS` and `EVENT_LOG_PREFIX` name. */
export function openFromEnv(env: NodeJS.ProcessEnv): EventLog {
  return openKafkaLog({
    brokers: String(env.EVENT_LOG_BROKERS).split(','),
    clientId: 'conformance-child',
    topicPrefix: String(env.EVENT_LOG_PREFIX),
    createTopics: true,
    logger: silentLogger,
  });
}
