import { fileURLToPath } from 'node:url';
import { kafkaBrokers, kafkaPossible, uniqueTopicPrefix } from '@switchhook/testing';
import kafkajs from 'kafkajs';
import { describe } from 'vitest';
import type { EngineUnderTest } from '../conformance/engine-under-test.js';
import { eventLogConformance } from '../event-log.conformance.js';
import type { OperableLog } from '../event-log.js';
import { silentLogger } from '../testing/silent-logger.js';
import { openKafkaLog } from './kafka-log.js';

const OPENER = fileURLToPath(new URL('../../dist/testing/open-kafka.js', import.meta.url));
/** A killed member's session, and the rebalance that follows. */
const TAKEOVER_MS = 8_000;

async function makeEngine(): Promise<EngineUnderTest> {
  const brokers = await kafkaBrokers();
  const topicPrefix = uniqueTopicPrefix();
  const opened: OperableLog[] = [];
  const open = async (): Promise<OperableLog> => {
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
    compact: (topic) => compactSoon(brokers, topicPrefix + topic),
    async dispose() {
      await Promise.all(opened.map((log) => log.close()));
    },
  };
}

/** Segments that end after 100 ms, and nothing that keeps the cleaner from them. */
async function compactSoon(brokers: string, topic: string): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const settings = {
    'cleanup.policy': 'compact',
    'message.timestamp.type': 'LogAppendTime',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.001',
    'min.compaction.lag.ms': '0',
    'max.compaction.lag.ms': '100',
    'delete.retention.ms': '0',
  };
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  await admin.alterConfigs({ validateOnly: false, resources: [{ type, name: topic, configEntries }] });
  await admin.disconnect();
}

describe.skipIf(!(await kafkaPossible()))('on a real Kafka', () => {
  eventLogConformance('kafka', makeEngine, { exactlyOnceOutputs: false, takeoverMs: TAKEOVER_MS });
});
