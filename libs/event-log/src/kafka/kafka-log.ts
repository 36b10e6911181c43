import type {
  Consumer,
  ConsumeOptions,
  EventLogHealth,
  Follower,
  GroupPosition,
  LogRecord,
  OperableLog,
  OutgoingRecord,
  Place,
  ReadFrom,
} from '../event-log.js';
import { pause } from '../backoff.js';
import { KafkaCluster, reasonOf } from './cluster.js';
import { KafkaConsumer } from './consumer.js';
import { FetchWatch, leaderAnswers } from './fetch-watch.js';
import { groupPositions, setGroupPositions } from './group-positions.js';
import { HandOver } from './hand-over.js';
import { HealthBook } from './health-book.js';
import { END, listOffsets } from './offsets.js';
import { settingsOf, type KafkaLogOptions, type Settings } from './options.js';
import { Producer } from './producer.js';
import { follow, read, untilAnswered } from './reader.js';
import { checkCopartitioning, ensureTopics, partitionCounts, untilLed } from './topics.js';
import { unfinishedSince } from './unfinished.js';

const WAIT_MS = 500;
const SAY_EVERY_MS = 5_000;

/** The event log on Apache Kafka (2.3 or later). Not started. */
export function openKafkaLog(options: KafkaLogOptions): OperableLog {
  return new KafkaLog(options);
}

class KafkaLog implements OperableLog {
  private readonly settings: Settings;
  private readonly health_: HealthBook;
  private readonly watch: FetchWatch;
  private readonly control: KafkaCluster;
  private readonly producer: Producer;
  private readonly handOver = new HandOver();
  private readonly consumers = new Set<KafkaConsumer>();
  private readonly followers = new Set<Follower>();
  private readonly closing = new AbortController();
  private clusterId: string | undefined;

  constructor(private readonly options: KafkaLogOptions) {
    this.settings = settingsOf(options);
    this.health_ = new HealthBook(this.settings.now);
    this.watch = new FetchWatch({
      now: this.settings.now,
      leaderAnswers: (wanted) => leaderAnswers(wanted, this.settings),
    });
    this.control = new KafkaCluster(this.settings);
    this.producer = new Producer(this.settings, this.health_, this.handOver);
  }

  get identity(): string {
    if (this.clusterId === undefined) throw new Error('The event log has no identity before it is started');
    return `kafka:${this.clusterId}`;
  }

  async start(): Promise<void> {
    this.clusterId = await this.whenThere();
    checkCopartitioning(await partitionCounts(this.control, this.settings.topicPrefix));
  }

  publish(records: readonly OutgoingRecord[]): Promise<Place[]> {
    return this.producer.publish(records);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { settings, watch, health_: health } = this;
    const publish = (records: readonly OutgoingRecord[]): Promise<Place[]> => this.producer.publish(records);
    const isOurs = (producerId: number): boolean => this.producer.isOurs(producerId);
    const onClosed = (): void => void this.consumers.delete(consumer);
    const deps = { settings, health, watch, publish, handOver: this.handOver, isOurs, onClosed };
    const consumer: KafkaConsumer = new KafkaConsumer(options, deps);
    this.consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  async follow(topic: string, onRecords: (records: readonly LogRecord[]) => void | Promise<void>): Promise<Follower> {
    const { settings, watch, health_: health } = this;
    const onClosed = (follower: Follower): void => void this.followers.delete(follower);
    const follower = await follow(topic, onRecords, { settings, health, watch, onClosed });
    this.followers.add(follower);
    return follower;
  }

  read(topic: string, partition: number, from: ReadFrom, to: number): AsyncIterable<readonly LogRecord[]> {
    return read(topic, partition, { from, to }, this.settings);
  }

  ends(topic: string): Promise<number[]> {
    const full = this.settings.topicPrefix + topic;
    return untilAnswered(this.control, this.closing.signal, async () => listOffsets(this.control, full, END));
  }

  unfinishedSince(group: string, topic: string): Promise<(number | undefined)[]> {
    const { control, settings } = this;
    const asked = { groupId: settings.topicPrefix + group, topic: settings.topicPrefix + topic };
    return untilAnswered(control, this.closing.signal, async () => unfinishedSince(control, asked, settings));
  }

  groupPositions(): Promise<GroupPosition[]> {
    const { control, settings } = this;
    return untilAnswered(control, this.closing.signal, async () => groupPositions(control, settings.topicPrefix));
  }

  setGroupPositions(group: string, topic: string, positions: ReadonlyMap<number, number>): Promise<void> {
    const { topicPrefix } = this.settings;
    return setGroupPositions(this.control, topicPrefix + group, topicPrefix + topic, positions);
  }

  health(): EventLogHealth {
    const { stuck } = this.watch;
    return stuck === undefined ? this.health_.health() : { ok: false, reason: stuck, stuck };
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
    await Promise.all([...this.followers].map((follower) => follower.close()));
    this.closing.abort();
    this.watch.close();
    await this.producer.close();
    await this.control.close();
  }

  /** The cluster's id, when it is there and has the topics. */
  private async whenThere(): Promise<string> {
    const { logger, now, brokers } = this.settings;
    for (let saidMs = -Infinity; ;) {
      try {
        return await this.prepare();
      } catch (error) {
        if (this.closing.signal.aborted) throw error;
        this.control.discard();
        if (now() - saidMs >= SAY_EVERY_MS) {
          saidMs = now();
          logger.warn({ brokers, reason: reasonOf(error) }, 'Waiting for Kafka');
        }
        await pause(WAIT_MS, this.closing.signal);
      }
    }
  }

  private async prepare(): Promise<string> {
    if (!this.options.createTopics) {
      const cluster = await this.control.connect();
      await partitionCounts(this.control, this.settings.topicPrefix);
      return cluster.brokerPool.metadata?.clusterId ?? 'unknown';
    }
    const { clusterId, created } = await ensureTopics(this.control, this.options);
    if (created.length > 0) this.settings.logger.info({ created }, 'Created the missing topics');
    await untilLed(this.control, this.settings.topicPrefix);
    return clusterId;
  }
}
