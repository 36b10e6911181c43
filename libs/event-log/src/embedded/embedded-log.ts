import { ALL_TOPICS, type TopicDeclaration } from '@switchhook/contracts';
import { Pool } from 'pg';
import { RecordTooLargeError } from '../errors.js';
import type {
  ConsumeOptions,
  Consumer,
  EventLogHealth,
  Follower,
  GroupPosition,
  LogRecord,
  NamedRecord,
  OperableLog,
  OutgoingRecord,
  Place,
  PublishOptions,
  ReadFrom,
} from '../event-log.js';
import type { Logger } from '../logger.js';
import { Assignment, type AssignmentDeps } from './assignment.js';
import type { ReadyRecord } from './commit.js';
import { Groups, Member } from './group.js';
import { HandlingAhead } from './handling-ahead.js';
import type { Partition } from './partition.js';
import { ownBytes } from './own-bytes.js';
import { partitionOf } from './partition-of.js';
import type { NameTable } from './name-table.js';
import { bytesOf, inParts } from './parts.js';
import { Partitions } from './partitions.js';
import { Progress, type Move } from './progress.js';
import { headersBytes, headersToText } from './record-text.js';
import { Retention } from './retention.js';
import { Sessions, clientConfig } from './sessions.js';
import { RecordSource, USUAL, appetiteOf } from './source.js';
import { TopicFollower } from './topic-follower.js';
import { GroupCommitWriter } from './writer.js';

export interface EmbeddedLogOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** Partitions of a topic that is not there yet; default 6. */
  readonly partitions?: number;
  readonly topics?: readonly TopicDeclaration[];
  readonly now?: () => number;
}

const TAIL_BYTES = 16 * 1024 * 1024;
const READ_CONNECTIONS = 3;
/** One for each topic that every event passes: events, requested, signed, outcomes. */
const COMMITS_AT_ONCE = 4;
const PATIENCE_MS = 5_000;
const CLOSE_WRITER_MS = 5_000;
const FAILING_TOO_LONG_MS = 30_000;

/**
 * The event log on PostgreSQL, for one process (architecture.md §2.9). Not started yet: `start` connects.
 * Topics keep what their retention or a group that is behind asks for; compacted ones the newest record of each key.
 */
export const openEmbeddedLog = (options: EmbeddedLogOptions): OperableLog => new EmbeddedLog(options);

class EmbeddedLog implements OperableLog {
  #identity = '';
  #unkeyed = 0;
  #started = false;
  #closing: Promise<void> | undefined;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #sessions: Sessions;
  readonly #pool: Pool;
  readonly #partitions: Partitions;
  readonly #progress = new Progress();
  readonly #writer: GroupCommitWriter;
  readonly #source: RecordSource;
  readonly #retention: Retention;
  readonly #groups = new Groups();
  readonly #followers = new Set<TopicFollower>();
  readonly #consumers = new Set<Consumer>();

  constructor(private readonly options: EmbeddedLogOptions) {
    this.#logger = options.logger;
    this.#now = options.now ?? Date.now;
    this.#partitions = new Partitions(options.topics ?? ALL_TOPICS, TAIL_BYTES);
    this.#sessions = new Sessions(options.databaseUrl, COMMITS_AT_ONCE, options.logger, () => this.#recover());
    this.#pool = new Pool({ ...clientConfig(options.databaseUrl, 'reader'), max: READ_CONNECTIONS });
    this.#pool.on('error', (error) => this.#logger.debug({ error: String(error) }, 'A reading connection ended'));
    this.#source = new RecordSource(this.#pool, options.logger);
    this.#writer = new GroupCommitWriter({
      sessions: this.#sessions,
      partitions: this.#partitions,
      progress: this.#progress,
      ahead: new HandlingAhead({
        assignmentsOf: (partition) => this.#groups.ahead(partition),
        isAnyFinishing: () => this.#groups.isAnyFinishing(),
        ready: (outputs) => this.#ready(outputs),
        saved: (move) => this.#progress.saved(move),
      }),
      logger: options.logger,
      now: this.#now,
      onSetBack: () => this.#groups.assignments().forEach((assignment) => assignment.disown()),
      onRewound: () => this.#rewound(),
    });
    this.#retention = new Retention(this.#pool, () => this.#partitions.topics(), this.#now, options.logger);
  }

  get identity(): string {
    return this.#identity;
  }

  async start(): Promise<void> {
    const { id } = await this.#sessions.open();
    this.#identity = `embedded:${id}`;
    await this.#partitions.load(this.#sessions, this.options.partitions ?? 6);
    await this.#progress.load(this.#sessions);
    this.#retention.start();
    this.#started = true;
  }

  async publish(records: readonly OutgoingRecord[], { flush = true }: PublishOptions = {}): Promise<Place[]> {
    const ready = this.#ready(records);
    const parts = inParts(ready).map((part) => ({ records: part, moves: [], flush, bytes: bytesOf(part) }));
    const places = await Promise.all(parts.map((part) => this.#writer.append(part, PATIENCE_MS)));
    return places.flat().filter((place) => place !== undefined);
  }

  async publishOnce(records: readonly NamedRecord[], names: NameTable): Promise<(Place | undefined)[]> {
    const ready = this.#ready(records.map(({ record }) => record)).map((one, index) => ({
      ...one,
      name: records[index]!.name,
    }));
    const parts = inParts(ready).map((part) => ({
      ...{ records: part, moves: [], flush: true, bytes: bytesOf(part), names },
    }));
    const places = await Promise.all(parts.map((part) => this.#writer.append(part, PATIENCE_MS)));
    return places.flat();
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const topics = options.topics.map((name) => this.#partitions.topic(name));
    const group = this.#groups.of(options.group, Math.max(...topics.map((topic) => topic.partitions.length)));
    if (options.ahead && options.settle !== 'record') this.#groups.handlesAhead(group, options.topics);
    const appetite = appetiteOf(options);
    const member = new Member((number) => {
      const partitions = topics.flatMap((topic) => topic.partitions[number] ?? []);
      return new Assignment(number, partitions, options, appetite, this.#assignmentDeps());
    });
    // A group exists from its first member on: retention must know it before it has finished anything.
    for (const partition of topics.flatMap((topic) => topic.partitions)) {
      const position = this.#startOf(options.group, partition);
      this.#writer.moveSoon({
        group: options.group,
        topicId: partition.topicId,
        partition: partition.number,
        position,
      });
    }
    await group.join(member);
    const consumer: Consumer = {
      assigned: () => [...member.assignments.keys()],
      lag: () => Object.fromEntries(options.topics.map((topic) => [topic, member.lag(topic)])),
      oldestMs: () => Object.fromEntries(options.topics.map((topic) => [topic, member.oldestMs(topic)])),
      close: async () => {
        this.#consumers.delete(consumer);
        await group.leave(member);
        await this.#writer.flush();
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  async follow(topic: string, onRecords: (records: readonly LogRecord[]) => void | Promise<void>): Promise<Follower> {
    const { partitions } = this.#partitions.topic(topic);
    const follower = new TopicFollower(partitions, onRecords, this.#source, this.#logger);
    this.#followers.add(follower);
    return follower;
  }

  async *read(topic: string, partition: number, from: ReadFrom, to: number): AsyncGenerator<readonly LogRecord[]> {
    const source = this.#partition(topic, partition);
    let position = 'position' in from ? from.position : await this.#source.positionAt(source, from.timeMs);
    while (position < to) {
      const records = await this.#source.chunk(source, position, to, USUAL);
      const last = records.at(-1);
      if (!last) return;
      yield records;
      position = last.position + 1;
    }
  }

  async ends(topic: string): Promise<number[]> {
    return this.#partitions.topic(topic).partitions.map((partition) => partition.next);
  }

  async unfinishedSince(group: string, topic: string): Promise<(number | undefined)[]> {
    const { partitions } = this.#partitions.topic(topic);
    return Promise.all(
      partitions.map((partition) => this.#source.timeFrom(partition, this.#startOf(group, partition))),
    );
  }

  async groupPositions(): Promise<GroupPosition[]> {
    return this.#partitions
      .all()
      .flatMap(({ topic, topicId, number }) => this.#progress.groups(topicId, number, topic));
  }

  async setGroupPositions(group: string, topic: string, positions: ReadonlyMap<number, number>): Promise<void> {
    if (this.#groups.hasMembers(group)) throw new Error(`Group ${group} has members: stop its service first`);
    const moves = [...positions].map(([number, position]): Move => {
      const { topicId } = this.#partition(topic, number);
      return { group, topicId, partition: number, position };
    });
    await this.#writer.append({ records: [], moves, flush: true, bytes: 0 }, PATIENCE_MS);
    for (const move of moves) this.#progress.saved(move);
  }

  skipTo(places: readonly Place[]): Promise<void> {
    return this.#partitions.skipTo(this.#sessions, places);
  }

  health(): EventLogHealth {
    if (this.#writer.failure) return { ok: false, reason: this.#writer.failure.message };
    if (!this.#started || !this.#sessions.connected) return { ok: false, reason: 'the database is away' };
    const tooLong = this.#now() - FAILING_TOO_LONG_MS;
    const failing = this.#groups
      .assignments()
      .find((assignment) => (assignment.failingSinceMs() ?? Infinity) <= tooLong);
    return failing ? { ok: false, reason: `${failing} has been failing for over 30 s` } : { ok: true };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#retention.stop();
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await Promise.all([...this.#followers].map((follower) => follower.close()));
    await this.#writer.close(CLOSE_WRITER_MS);
    await this.#sessions.close();
    await this.#pool.end();
  }

  /** Checks and measures all records before any of them joins a commit: one that is too large refuses its own call only. */
  #ready(records: readonly OutgoingRecord[]): ReadyRecord[] {
    return records.map((record) => {
      const { declaration, partitions } = this.#partitions.topic(record.topic);
      const { key, value } = ownBytes(record);
      const bytes = (key?.length ?? 0) + (value?.length ?? 0) + headersBytes(record.headers);
      if (bytes > declaration.maxRecordBytes) {
        throw new RecordTooLargeError(record.topic, bytes, declaration.maxRecordBytes);
      }
      const number = key ? partitionOf(key, partitions.length) : this.#unkeyed++ % partitions.length;
      const { headers } = record;
      return { partition: partitions[number]!, key, value, headers, headersText: headersToText(headers), bytes };
    });
  }

  #partition(topic: string, number: number): Partition {
    const partition = this.#partitions.topic(topic).partitions[number];
    if (!partition) throw new Error(`${topic} has no partition ${number}`);
    return partition;
  }

  /** A group that was never here begins at the oldest record that is still there. */
  #startOf(group: string, partition: Partition): number {
    return Math.max(this.#progress.of(group, partition.topicId, partition.number) ?? 0, partition.earliest);
  }

  #assignmentDeps(): AssignmentDeps {
    return {
      source: this.#source,
      logger: this.#logger,
      now: this.#now,
      startOf: (group, partition) => this.#startOf(group, partition),
      moveSoon: (move) => this.#writer.moveSoon(move),
      isIdle: () => this.#writer.groupIsIdle(),
      append: async (outputs, move) => {
        const records = this.#ready(outputs);
        await this.#writer.append({ records, moves: [move], flush: false, bytes: bytesOf(records) });
        this.#progress.saved(move);
      },
    };
  }

  #recover(): void {
    // Its failure is kept by the writer, which tells everybody who asks.
    if (this.#started) this.#writer.recover().catch(() => undefined);
  }

  #rewound(): void {
    this.#groups.restart();
    for (const follower of this.#followers) void follower.rewind();
  }
}
