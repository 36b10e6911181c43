export type {
  AssignedPartition,
  Batch,
  Ahead,
  AheadBatch,
  BatchHandler,
  Consumer,
  ConsumeOptions,
  EventLog,
  EventLogHealth,
  Follower,
  HandleAhead,
  GroupPosition,
  LogRecord,
  NamedRecord,
  OperableLog,
  OutgoingRecord,
  Place,
  PublishOptions,
  ReadFrom,
} from './event-log.js';
export { HoldError, LogUnavailableError, RecordTooLargeError } from './errors.js';
export { toRejected } from './rejected.js';
export {
  LostPositionsError,
  lostPositions,
  storedByGroups,
  type LostPosition,
  type StoredPosition,
} from './lost-positions.js';
export { acceptGroupLoss, redriveRejected, rewindGroup } from './operations.js';
export { openEmbeddedLog, type EmbeddedLogOptions } from './embedded/embedded-log.js';
export type { NamedPlace, NameTable } from './embedded/name-table.js';
export type { Logger } from './logger.js';
export { openKafkaLog } from './kafka/kafka-log.js';
export { type KafkaLogOptions } from './kafka/options.js';
export type { MemberStore } from './kafka/member-store.js';
export { createTopics as createKafkaTopics, type TopicsReport } from './kafka/topics.js';
