// The parts of kafkajs 2.2.4 below its consumer and producer, which it does not declare itself. See cluster.ts for why.
declare module 'kafkajs/src/cluster/index.js' {
  import type { Broker } from 'kafkajs/src/broker/index.js';

  interface PartitionMetadata {
    partitionId: number;
    leader: number;
    partitionErrorCode: number;
  }
  interface BrokerMetadata {
    clusterId: string | null;
    brokers: { nodeId: number; host: string; port: number }[];
    topicMetadata: { topic: string; topicErrorCode: number; partitionMetadata: PartitionMetadata[] }[];
  }
  export default class Cluster {
    constructor(options: Record<string, unknown>);
    readonly brokerPool: { metadata: BrokerMetadata | null };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    refreshMetadata(): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
    findBroker(options: { nodeId: number }): Promise<Broker>;
    findControllerBroker(): Promise<Broker>;
    findGroupCoordinator(options: { groupId: string }): Promise<Broker>;
    findTopicPartitionMetadata(topic: string): PartitionMetadata[];
  }
}

declare module 'kafkajs/src/broker/index.js' {
  interface ProtocolRequest<T> {
    request: {
      apiKey: number;
      apiVersion: number;
      apiName: string;
      expectResponse?: () => boolean;
      encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
    };
    response: { decode(payload: Buffer): Promise<T>; parse(data: T): Promise<T> };
    requestTimeout?: number;
  }
  interface JoinedGroup {
    generationId: number;
    leaderId: string;
    memberId: string;
    members: { memberId: string; memberMetadata: Buffer }[];
  }
  interface OffsetTopics {
    topic: string;
    partitions: { partition: number; offset: string; metadata?: string | null }[];
  }
  export class Broker {
    readonly nodeId: number;
    readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> };
    isConnected(): boolean;
    metadata(topics: readonly string[]): Promise<import('kafkajs/src/cluster/index.js').BrokerMetadata>;
    initProducerId(options: { transactionTimeout: number }): Promise<{ producerId: bigint; producerEpoch: number }>;
    createTopics(options: { topics: unknown[]; timeout: number }): Promise<unknown>;
    joinGroup(options: {
      groupId: string;
      sessionTimeout: number;
      rebalanceTimeout: number;
      memberId: string;
      groupProtocols: { name: string; metadata: Buffer }[];
    }): Promise<JoinedGroup>;
    syncGroup(options: {
      groupId: string;
      generationId: number;
      memberId: string;
      groupAssignment: { memberId: string; memberAssignment: Buffer }[];
    }): Promise<{ memberAssignment: Buffer }>;
    heartbeat(options: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
    listGroups(): Promise<{ groups: { groupId: string }[] }>;
    leaveGroup(options: { groupId: string; memberId: string }): Promise<unknown>;
    offsetCommit(options: {
      groupId: string;
      groupGenerationId: number;
      memberId: string;
      topics: OffsetTopics[];
    }): Promise<unknown>;
    offsetFetch(options: {
      groupId: string;
      topics: { topic: string; partitions: { partition: number }[] }[];
    }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
    listOffsets(options: {
      isolationLevel: number;
      topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
    }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  }
}

declare module 'kafkajs/src/loggers/index.js' {
  const loggers: {
    LEVELS: Record<'NOTHING' | 'ERROR' | 'WARN' | 'INFO' | 'DEBUG', number>;
    createLogger(options: { level: number; logCreator: unknown }): unknown;
  };
  export default loggers;
}

declare module 'kafkajs/src/network/connection.js' {
  export default class Connection {
    /** What has come and is not an answer yet. */
    chunks: Buffer[];
    readonly bytesBuffered: number;
    processData(chunk: Buffer): void;
  }
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    pending: unknown[];
    throttledUntil: number;
    readonly inflight: Map<number, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>;
    requestTimeoutIntervalId: NodeJS.Timeout;
    readonly isConnected: () => boolean;
    scheduleCheckPendingRequests(): void;
    scheduleRequestTimeoutCheck(): void;
    destroy(): void;
  }
}

declare module 'kafkajs/src/protocol/error.js' {
  const errors: { createErrorFromCode(code: number): Error & { type: string; code: number; retriable: boolean } };
  export default errors;
}
