/**
 * Every topic, declared once. The topic tool, the engines, the consumers and the docs read this table.
 * Names here are without the prefix (`TOPIC_PREFIX`, `switchhook.` by default); the event log adds it.
 */
export interface TopicDeclaration {
  readonly name: string;
  /** What the record key is made of. */
  readonly key: string;
  readonly cleanup: 'delete' | 'compact';
  /** For `delete`: how long records are kept. */
  readonly retentionDays?: number;
  /** For `compact`: how long an overwritten record stays readable. */
  readonly compactionLagDays?: number;
  /** Topics of one group have partition n on the same member, so they must have equally many partitions. */
  readonly copartitioned?: 'deliveries';
  /** Made from records of other topics, or known elsewhere: an embedded log does not wait for the disk with it. */
  readonly derived?: true;
  readonly maxRecordBytes: number;
  readonly producers: readonly ServiceName[];
  readonly consumers: readonly ServiceName[];
  readonly carries: string;
}

export type ServiceName = 'subscriptions' | 'ingestion' | 'signing' | 'delivery' | 'audit' | 'producers';

const RECORD_BYTES = 4 * 1024 * 1024;
/** A rejected record is the original plus the reason. */
const REJECTED_RECORD_BYTES = 5 * 1024 * 1024;

export const TOPICS = {
  events: {
    name: 'events.v1',
    key: 'accountid:subject, or accountid:id without a subject',
    cleanup: 'delete',
    retentionDays: 7,
    maxRecordBytes: RECORD_BYTES,
    producers: ['producers', 'ingestion', 'subscriptions'],
    consumers: ['ingestion', 'audit'],
    carries: 'what producers emit: CloudEvents 1.0, binary or structured mode',
  },
  webhooks: {
    name: 'webhooks.v1',
    key: 'webhookId; pause:all or pause:<accountid> for what is paused beyond one webhook',
    cleanup: 'compact',
    compactionLagDays: 7,
    maxRecordBytes: RECORD_BYTES,
    producers: ['subscriptions'],
    consumers: ['ingestion', 'signing', 'delivery', 'audit'],
    carries: 'every configuration event, with the full resulting state and its version; what is paused',
  },
  credentials: {
    name: 'credentials.v1',
    key: 'credentialId',
    cleanup: 'compact',
    maxRecordBytes: RECORD_BYTES,
    producers: ['subscriptions'],
    consumers: ['subscriptions', 'ingestion', 'delivery', 'audit'],
    carries: 'account, role, expiry and verifier of each API credential',
  },
  requested: {
    name: 'deliveries.requested.v1',
    key: 'webhookId',
    cleanup: 'delete',
    retentionDays: 7,
    copartitioned: 'deliveries',
    derived: true,
    maxRecordBytes: RECORD_BYTES,
    producers: ['ingestion', 'delivery', 'audit'],
    consumers: ['signing', 'audit'],
    carries: 'one attempt to make: ids in headers, the data of the event',
  },
  requestedBulk: {
    name: 'deliveries.requested.bulk.v1',
    key: 'webhookId',
    cleanup: 'delete',
    retentionDays: 7,
    copartitioned: 'deliveries',
    derived: true,
    maxRecordBytes: RECORD_BYTES,
    producers: ['ingestion', 'audit'],
    consumers: ['signing', 'audit'],
    carries: 'the same, from accounts above their rate: one record in ten while the normal one has lag',
  },
  signed: {
    name: 'deliveries.signed.v1',
    key: 'webhookId',
    cleanup: 'delete',
    retentionDays: 7,
    copartitioned: 'deliveries',
    derived: true,
    maxRecordBytes: RECORD_BYTES,
    producers: ['signing'],
    consumers: ['delivery', 'audit'],
    carries: 'the prepared HTTP request, and the requested record that it came from',
  },
  outcomes: {
    name: 'deliveries.outcomes.v1',
    key: 'webhookId; unmatched: eventKey',
    cleanup: 'delete',
    retentionDays: 7,
    copartitioned: 'deliveries',
    derived: true,
    maxRecordBytes: RECORD_BYTES,
    producers: ['ingestion', 'signing', 'delivery'],
    consumers: ['delivery', 'subscriptions', 'audit'],
    carries: 'attempted, deferred, succeeded, exhausted, expired, cancelled, unmatched, rejected',
  },
  endpoints: {
    name: 'endpoints.v1',
    key: 'endpoint hash',
    cleanup: 'compact',
    derived: true,
    maxRecordBytes: RECORD_BYTES,
    producers: ['delivery'],
    consumers: ['delivery', 'subscriptions', 'audit'],
    carries: 'changes of the circuit breaker of an endpoint',
  },
} as const satisfies Record<string, TopicDeclaration>;

const REJECTED_SUFFIX = '.rejected';

/** The topic that takes what a consumer of `topic` cannot read. */
export const rejectedTopic = (topic: string): string => `${topic}${REJECTED_SUFFIX}`;

export const isRejectedTopic = (topic: string): boolean => topic.endsWith(REJECTED_SUFFIX);

/** Topics whose records someone reads and may refuse: each of them has a rejected twin. */
const consumed: readonly TopicDeclaration[] = Object.values(TOPICS);

const rejectedTwins: readonly TopicDeclaration[] = consumed.map((topic) => ({
  name: rejectedTopic(topic.name),
  key: 'as received',
  cleanup: 'delete',
  retentionDays: 30,
  derived: true,
  maxRecordBytes: REJECTED_RECORD_BYTES,
  producers: topic.consumers,
  consumers: ['audit'],
  carries: `what could not be read of ${topic.name}, with the reason, bytes and headers intact`,
}));

/** All topics, the rejected ones too: what `npm run topics` creates. */
export const ALL_TOPICS: readonly TopicDeclaration[] = [...consumed, ...rejectedTwins];

/** The declaration of the topic called `name` (without prefix). Throws for a name that is not in the table. */
export function declarationOf(name: string): TopicDeclaration {
  const found = ALL_TOPICS.find((topic) => topic.name === name);
  if (!found) throw new Error(`No topic is called "${name}"; the topics are declared in libs/contracts/src/topics.ts`);
  return found;
}
