import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type { Logger } from '../logger.js';
import type { MemberStore } from './member-store.js';

export interface KafkaLogOptions {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Put before every topic and group name; `switchhook.` by default in the product. */
  readonly topicPrefix: string;
  /** Create what is missing of the topics table at start. */
  readonly createTopics: boolean;
  /** Partitions of a new topic; default 6. */
  readonly partitions?: number;
  /** Replicas of a new topic; default the number of brokers, 3 at most. */
  readonly replication?: number;
  readonly sasl?: SASLOptions;
  readonly ssl?: ConnectionOptions | boolean;
  readonly logger: Logger;
  /** After so long without a heartbeat a member's partitions go to others; default 6,000 (the least that brokers allow). */
  readonly sessionTimeoutMs?: number;
  /** After so long without an acknowledgement `publish` rejects; default 5,000. */
  readonly publishTimeoutMs?: number;
  /** Longest wait of a fetch for a record to come; bounds how late a resumed partition is asked for. Default 500. */
  readonly fetchWaitMs?: number;
  /** Where a process keeps which group members it is; without it a killed member's partitions wait for its session to end. */
  readonly members?: MemberStore;
  readonly now?: () => number;
}

export interface Settings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly topicPrefix: string;
  readonly sasl: SASLOptions | undefined;
  readonly ssl: ConnectionOptions | boolean | undefined;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly publishTimeoutMs: number;
  readonly fetchWaitMs: number;
  readonly members: MemberStore | undefined;
  readonly now: () => number;
}

export function settingsOf(options: KafkaLogOptions): Settings {
  return {
    brokers: options.brokers,
    clientId: options.clientId,
    topicPrefix: options.topicPrefix,
    sasl: options.sasl,
    ssl: options.ssl,
    logger: options.logger,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 6_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 5_000,
    fetchWaitMs: options.fetchWaitMs ?? 500,
    members: options.members,
    now: options.now ?? Date.now,
  };
}
