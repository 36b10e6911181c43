import net from 'node:net';
import tls from 'node:tls';
import Cluster from 'kafkajs/src/cluster/index.js';
import type { Broker, ProtocolRequest } from 'kafkajs/src/broker/index.js';
import loggers from 'kafkajs/src/loggers/index.js';
import { pause } from '../backoff.js';
import { patchKafkajs } from './kafkajs-patches.js';
import type { Settings } from './options.js';

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
const METADATA_MAX_AGE_MS = 60_000;

/**
 * One set of connections to the brokers. We use kafkajs for connections, SASL, TLS, metadata, and the group and admin
 * requests, and leave out its consumer and producer: they retry on their own terms, commit and rejoin without asking, and
 * cannot be told to stop waiting (correctness.md §2). After a failure the connections are thrown away and made anew, which
 * is the one way back that never depends on what kafkajs believes about a broker.
 */
export class KafkaCluster {
  private current: OpenCluster | undefined;
  private closed = false;
  private readonly topics = new Set<string>();

  constructor(private readonly settings: Settings) {
    patchKafkajs();
  }

  /** Connected, with metadata of `topics` (with prefix) and of those asked for before. */
  async connect(topics: readonly string[] = []): Promise<Cluster> {
    if (this.closed) throw new Error('The connections to Kafka are closed');
    for (const topic of topics) this.topics.add(topic);
    const current = (this.current ??= this.open());
    await current.connected;
    if (current.topicCount < this.topics.size || this.topics.size === 0) {
      current.topicCount = this.topics.size;
      await current.cluster.addMultipleTargetTopics([...this.topics]);
    } else {
      await current.cluster.refreshMetadataIfNecessary();
    }
    return current.cluster;
  }

  async send<T>(nodeId: number, request: ProtocolRequest<T>): Promise<T> {
    const broker = await this.broker(nodeId);
    return broker.connectionPool.send(request);
  }

  async broker(nodeId: number): Promise<Broker> {
    const cluster = await this.connect();
    return cluster.findBroker({ nodeId });
  }

  /** Leader by partition number; undefined where there is none at present. Throws while the topic does not exist. */
  async leaders(topic: string): Promise<(number | undefined)[]> {
    const cluster = await this.connect([topic]);
    const partitions = cluster.findTopicPartitionMetadata(topic);
    if (partitions.length === 0) throw new Error(`Topic ${topic} does not exist`);
    const leaders: (number | undefined)[] = new Array<undefined>(partitions.length).fill(undefined);
    for (const { partitionId, leader } of partitions) leaders[partitionId] = leader >= 0 ? leader : undefined;
    return leaders;
  }

  async refresh(): Promise<void> {
    const cluster = await this.connect();
    await cluster.refreshMetadata();
  }

  /** Throws the connections away; the next request makes new ones. */
  discard(): void {
    const current = this.current;
    this.current = undefined;
    if (!current) return;
    current.connected.catch(() => undefined);
    // An error makes kafkajs reject what waits for an answer; a plain end would leave it waiting.
    for (const socket of current.sockets) socket.destroy(new Error('Connection given up'));
    void current.cluster.disconnect().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.discard();
    await pause(0);
  }

  private open(): OpenCluster {
    const sockets = new Set<net.Socket>();
    const { settings } = this;
    const cluster = new Cluster({
      logger: loggers.createLogger({ level: loggers.LEVELS.ERROR ?? 1, logCreator: logCreator(settings) }),
      socketFactory: socketFactory(sockets),
      brokers: [...settings.brokers],
      ssl: settings.ssl === true ? {} : settings.ssl || undefined,
      sasl: settings.sasl,
      clientId: settings.clientId,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
      authenticationTimeout: REQUEST_TIMEOUT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      isolationLevel: 1,
      // Our loops retry, and know when to stop.
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200 },
    });
    const opened: OpenCluster = { cluster, connected: cluster.connect(), sockets, topicCount: 0 };
    opened.connected.catch(() => {
      if (this.current === opened) this.current = undefined;
    });
    return opened;
  }
}

interface OpenCluster {
  readonly cluster: Cluster;
  readonly connected: Promise<void>;
  readonly sockets: Set<net.Socket>;
  /** How many topics its metadata was asked for. */
  topicCount: number;
}

/** Why a request failed, in words for a log line. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The protocol's name of an error, such as `UNKNOWN_MEMBER_ID`; undefined for a lost connection and the like. */
export function protocolType(error: unknown): string | undefined {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  return typeof type === 'string' ? type : undefined;
}

/** kafkajs calls every lost connection an error, several times over; our own lines say what matters. */
const logCreator =
  ({ logger }: Settings) =>
  () =>
  ({ log }: { log: { message: string } }): void =>
    logger.debug({ source: 'kafkajs' }, log.message);

interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl?: tls.ConnectionOptions;
  readonly onConnect: () => void;
}

const socketFactory =
  (sockets: Set<net.Socket>) =>
  ({ host, port, ssl, onConnect }: SocketOptions): net.Socket => {
    const servername = net.isIP(host) ? {} : { servername: host };
    const socket = ssl
      ? tls.connect({ host, port, ...servername, ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    // Requests are small and one at a time: Nagle would only hold them.
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
