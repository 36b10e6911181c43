import { channel } from 'node:diagnostics_channel';
import type { Consumer, ConsumeOptions, LogRecord, OutgoingRecord, Place } from '../event-log.js';
import { backoffMs, pause, within } from '../backoff.js';
import { handleBatch } from './batch-handling.js';
import { KafkaCluster, reasonOf } from './cluster.js';
import type { FetchWatch } from './fetch-watch.js';
import { Fetcher } from './fetcher.js';
import { GroupMember, type Assignment } from './group-member.js';
import type { HandOver } from './hand-over.js';
import { PositionBeyondEndError, groupPlaces } from './group-places.js';
import type { HealthBook } from './health-book.js';
import { HeldPartition } from './holding.js';
import { BEGINNING, listOffsets } from './offsets.js';
import type { Settings } from './options.js';
import { PartitionFeed, type FeedPlace } from './partition-feed.js';
import { LAZY_LIMIT_BYTES } from './record-queue.js';
import { Supply } from './supply.js';

/** Where chaos runs end the process (docs/adr/0035). */
const PROGRESS_MOVED = channel('switchhook.log.progress-moved');
const PROGRESS_STORED = channel('switchhook.log.progress-stored');
const GIVEN_BACK = channel('switchhook.kafka.given-back');

const COMMIT_EVERY_MS = 500;
const REVOKE_LIMIT_MS = 3_000;
const CLOSE_LIMIT_MS = 9_000;
const LEAVE_LIMIT_MS = 1_000;
const AWAY_GRACE_MS = 5_000;
const HELD_GRACE_MS = 30_000;
const DEFAULT_BATCH_RECORDS = 500;

export interface ConsumerDeps {
  readonly settings: Settings;
  readonly health: HealthBook;
  readonly watch: FetchWatch;
  readonly publish: (records: readonly OutgoingRecord[]) => Promise<Place[]>;
  readonly handOver: HandOver;
  /** Whether this process wrote what a batch with this producer id holds. */
  readonly isOurs: (producerId: number) => boolean;
  readonly onClosed: () => void;
}

/** A member of a group, and what it does with its partitions. See `EventLog.consume`. */
export class KafkaConsumer implements Consumer {
  private readonly control: KafkaCluster;
  private readonly supply: Supply;
  private readonly fetcher: Fetcher;
  private readonly member: GroupMember;
  private readonly topics: readonly string[];
  private held: HeldPartition[] = [];
  private loading = new AbortController();
  private readonly ready = Promise.withResolvers<void>();
  private readonly commits: NodeJS.Timeout;
  private committing: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: ConsumeOptions,
    private readonly deps: ConsumerDeps,
  ) {
    const { settings } = deps;
    this.topics = options.topics.map((topic) => settings.topicPrefix + topic);
    this.control = new KafkaCluster(settings);
    const { now, fetchWaitMs } = settings;
    const onBehind = (): void => this.fetcher.hurry();
    this.supply = new Supply({ handOver: deps.handOver, now, fetchWaitMs, lazy: options.lazy ?? false, onBehind });
    this.fetcher = new Fetcher(new KafkaCluster(settings), settings, () => this.supply.pace, {
      failed: (reason) => this.failing('fetch', `cannot fetch: ${reason}`, AWAY_GRACE_MS),
      fetched: () => this.working('fetch'),
      brought: (ids) => this.supply.fetched(ids.every(deps.isOurs)),
    });
    deps.watch.add(this.fetcher, `Group ${options.group}`);
    this.member = new GroupMember(this.control, settings, options.group, this.topics, {
      assigned: (assignment) => this.begin(assignment),
      revoked: (lost) => this.giveBack(lost),
      failed: (reason) => this.failing('member', `is not sure of its membership: ${reason}`, AWAY_GRACE_MS),
      beating: () => this.working('member'),
    });
    this.commits = setInterval(() => this.commitSoon(), COMMIT_EVERY_MS);
  }

  /** Resolves when the member has its partitions. Rejects, and leaves, when a stored position is beyond a topic's end. */
  async start(): Promise<void> {
    await this.member.start();
    try {
      await this.ready.promise;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  assigned(): readonly number[] {
    return this.held.map(({ number }) => number);
  }

  lag(): Readonly<Record<string, number>> {
    return this.byTopic((feeds) => feeds.reduce((sum, feed) => sum + feed.lag, 0));
  }

  oldestMs(): Readonly<Record<string, number | undefined>> {
    return this.byTopic((feeds) => {
      const oldest = Math.min(...feeds.map((feed) => feed.oldestMs ?? Infinity));
      return oldest === Infinity ? undefined : oldest;
    });
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    clearInterval(this.commits);
    this.deps.watch.forget(this.fetcher);
    const left = this.member.leave().catch((error: unknown) => this.note(`left without saying so: ${reasonOf(error)}`));
    await within(CLOSE_LIMIT_MS + LEAVE_LIMIT_MS, left);
    await Promise.all([this.fetcher.stop(), this.control.close()]);
    for (const name of ['member', 'fetch', 'commit', 'load']) this.working(name);
    this.deps.onClosed();
  }

  private byTopic<T>(of: (feeds: readonly PartitionFeed[]) => T): Record<string, T> {
    const byName = Map.groupBy(this.feeds(), (feed) => feed.topic);
    const { topicPrefix } = this.deps.settings;
    return Object.fromEntries(this.options.topics.map((topic) => [topic, of(byName.get(topicPrefix + topic) ?? [])]));
  }

  private feeds(): PartitionFeed[] {
    return this.held.flatMap(({ feeds }) => feeds);
  }

  /** The group has given us these. Loads where to begin in the background: the heart goes on beating. */
  private begin(assignment: Assignment): void {
    this.loading = new AbortController();
    void this.load(assignment, this.loading.signal);
  }

  private async load(assignment: Assignment, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const held = await this.take(assignment, signal);
        if (signal.aborted) return;
        this.held = held;
        this.working('load');
        this.fetcher.replace(this.feeds());
        this.supply.replace(this.feeds());
        return this.ready.resolve();
      } catch (error) {
        failures += 1;
        if (signal.aborted) return;
        this.failing('load', `cannot begin: ${reasonOf(error)}`, AWAY_GRACE_MS);
        // Only the start stops; a member that runs holds its partitions until somebody has looked.
        if (error instanceof PositionBeyondEndError) this.ready.reject(error);
        await pause(backoffMs(failures), signal);
      }
    }
  }

  private async take(assignment: Assignment, signal: AbortSignal): Promise<HeldPartition[]> {
    const places = await groupPlaces(assignment, {
      kafka: this.control,
      coordinator: await this.member.findCoordinator(),
      groupId: this.member.groupId,
      note: (words) => this.note(words),
    });
    const byNumber = Map.groupBy(places, ({ partition }) => partition);
    if (signal.aborted) return [];
    return [...byNumber].sort(([a], [b]) => a - b).map(([number, ofNumber]) => this.hold(number, ofNumber));
  }

  private hold(number: number, places: readonly FeedPlace[]): HeldPartition {
    const held = new HeldPartition(number, this.options, (error) =>
      this.deps.settings.logger.warn({ err: error, group: this.options.group, partition: number }, 'Not ready yet'),
    );
    const starts: Record<string, number> = {};
    const ends: Record<string, number> = {};
    for (const place of places) {
      const topic = place.topic.slice(this.deps.settings.topicPrefix.length);
      starts[topic] = place.start;
      ends[topic] = place.end;
      held.feeds.push(this.feed(held, place));
    }
    held.begin({ starts, ends, isSure: () => this.member.isSure });
    return held;
  }

  private feed(held: HeldPartition, place: FeedPlace): PartitionFeed {
    const { options } = this;
    const deps = { options, held, publish: this.deps.publish, isSure: () => this.member.isSure };
    const name = `${place.topic}/${place.partition}`;
    const feed: PartitionFeed = new PartitionFeed(
      place,
      {
        handle: (records: readonly LogRecord[]) => handleBatch(records, () => feed.tracker, deps),
        batchRecords: options.batchRecords ?? DEFAULT_BATCH_RECORDS,
        ...(options.lazy && { limitBytes: LAZY_LIMIT_BYTES }),
        signal: held.stopSignal,
        onRoom: () => this.fetcher.hurry(),
        onFailure: (error, failures, isHold) => this.refused(name, error, failures, isHold),
        onRecovered: () => this.working(name),
      },
      (lost) => void this.findAgain(lost, held.stopSignal),
    );
    return feed;
  }

  private refused(name: string, error: unknown, failures: number, held: boolean): void {
    this.failing(name, `${held ? 'holds' : 'fails on'} ${name}: ${reasonOf(error)}`, HELD_GRACE_MS);
    if (held) return;
    const { logger } = this.deps.settings;
    logger.error({ err: error, group: this.options.group, at: name, failures }, 'A batch failed and is tried again');
  }

  /** What a feed wanted to read was deleted, or is not there at all. */
  private async findAgain(feed: PartitionFeed, signal: AbortSignal): Promise<void> {
    const { topic, partition, position } = feed;
    for (let failures = 0; !signal.aborted;) {
      try {
        const first = (await listOffsets(this.control, topic, BEGINNING, [partition]))[partition] ?? 0;
        if (first < position)
          throw new PositionBeyondEndError(`${topic} ${partition} has no position ${position} any more`);
        this.note(`${topic} ${partition}: positions ${position} to ${first} were deleted unread`);
        feed.skipTo(first);
        this.working('range');
        return this.fetcher.resumed();
      } catch (error) {
        failures += 1;
        this.failing('range', reasonOf(error), AWAY_GRACE_MS);
        await pause(backoffMs(failures), signal);
      }
    }
  }

  /** Before the partitions go to somebody else: finish, tell the group how far we came, forget them. */
  private async giveBack(lost: boolean): Promise<void> {
    this.loading.abort();
    this.fetcher.replace([]);
    this.supply.replace([]);
    const { held } = this;
    const limitMs = this.closing ? CLOSE_LIMIT_MS : REVOKE_LIMIT_MS;
    await Promise.all(held.map((partition) => partition.giveBack(limitMs, lost)));
    if (!lost) await this.commit().catch((error: unknown) => this.note(`progress not stored: ${reasonOf(error)}`));
    for (const { topic, partition } of this.feeds()) this.working(`${topic}/${partition}`);
    GIVEN_BACK.publish(this.options.group);
    this.held = [];
  }

  private commitSoon(): void {
    this.commit()
      .then(() => this.working('commit'))
      .catch((error: unknown) => this.failing('commit', `cannot store progress: ${reasonOf(error)}`, AWAY_GRACE_MS));
  }

  /** One commit at a time, or an older one might come last. */
  private commit(): Promise<void> {
    const next = this.committing.then(() => this.commitNow());
    this.committing = next.catch(() => undefined);
    return next;
  }

  private async commitNow(): Promise<void> {
    const moved = this.feeds()
      .map((feed) => ({ feed, watermark: feed.tracker.watermark }))
      .filter(({ feed, watermark }) => watermark !== feed.committed);
    const byTopic = Map.groupBy(moved, ({ feed }) => feed.topic);
    if (moved.length > 0) PROGRESS_MOVED.publish(this.options.group);
    await this.member.commit(
      [...byTopic].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ feed, watermark }) => ({ partition: feed.partition, offset: String(watermark) })),
      })),
    );
    if (moved.length > 0) PROGRESS_STORED.publish(this.options.group);
    for (const { feed, watermark } of moved) feed.committed = watermark;
  }

  private failing(what: string, reason: string, graceMs: number): void {
    const isNew = this.deps.health.failing(
      `${this.options.group} ${what}`,
      `Group ${this.options.group} ${reason}`,
      graceMs,
    );
    if (isNew) this.note(reason);
  }

  private working(what: string): void {
    if (this.deps.health.working(`${this.options.group} ${what}`)) {
      this.deps.settings.logger.info({ group: this.options.group, what }, 'The consumer works again');
    }
  }

  private note(words: string): void {
    this.deps.settings.logger.warn({ group: this.options.group }, `Group ${this.options.group}: ${words}`);
  }
}
