import { fileURLToPath } from 'node:url';
import { kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import { describe } from 'vitest';
import type { EngineUnderTest } from '../conformance/engine-under-test.js';
import { eventLogConformance } from '../event-log.conformance.js';
import type { EventLog } from '../event-log.js';
import { silentLogger } from '../testing/silent-logger.js';
import { openKafkaLog } from './kafka-log.js';

const OPENER = fileURLToPath(new URL('../../dist/testing/open-kafka.js', import.meta.url));
/** A killed member's session, and the rebalance that follows. */
const TAKEOVER_MS = 8_000;

async function makeEngine(): Promise<EngineUnderTest> {
  const brokers = await kafkaBrokers();
  const topicPrefix = uniqueTopicPrefix();
  const opened: EventLog[] = [];
  const open = async (): Promise<EventLog> => {
    const options = { brokers: brokers.split(','), topicPrefix, createTopics: true, logger: silentLogger };
    const log = openKafkaLog({ ...options, clientId: `conformance-${opened.length}` });
    opened.push(log);
    await log.start();
    return log;
  };
  return {
    open,
    openBeside: open,
    childEnv: () => ({ EVENT_LOG_OPENER: OPENER, EVENT_LOG_BROKERS: brokers, EVENT_LOG_PREFIX: topicPrefix }),
    async dispose() {
      await Promise.all(opened.map((log) => log.close()));
    },
  };
}

describe.skipIf(!(await kafkaPossible()))('on a real Kafka', () => {
  eventLogConformance('kafka', makeEngine, { exactlyOnceOutputs: false, takeoverMs: TAKEOVER_MS });
});
