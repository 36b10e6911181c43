import errors from 'kafkajs/src/protocol/error.js';
import { declarationOf } from '@switchhook/contracts';
import { LogUnavailableError, RecordTooLargeError } from '../errors.js';
import type { OutgoingRecord, Place } from '../event-log.js';
import { backoffMs, pause } from './backoff.js';
import { KafkaCluster, reasonOf } from './cluster.js';
import type { HealthBook } from './health-book.js';
import type { Settings } from './options.js';
import { partitionOf } from './partitioning.js';
import { PublishCall, takeRequest, type PartitionBatch, type QueuedRecord } from './produce-queue.js';
import { produceRequest, type ProducedPartition } from './protocol.js';
import { encodeBatch, recordBytes, type ProducerSession } from './record-batch.js';

const BOUNDS = { requestBytes: 8 * 1024 * 1024, partitionBytes: 1024 * 1024 };
/** Room for what the batch adds to each record: lengths, deltas. */
const RECORD_OVERHEAD = 64;
const MESSAGE_TOO_LARGE = 10;
const INVALID_RECORD = 87;
/** The fault of one record, for which the others of its batch must not suffer. */
const ONE_RECORDS_FAULT = new Set([MESSAGE_TOO_LARGE, INVALID_RECORD]);
/** The broker has another idea of our sequence: only a new producer id helps. */
const SESSION_LOST = new Set([45, 46, 47, 59, 90]);
/** The broker will never take this batch: corrupt or forbidden, not a matter of time. */
const REFUSED = new Set([MESSAGE_TOO_LARGE, 17, 18, 22, 29, 31, INVALID_RECORD]);

/**
 * The process's one way to append. Whatever is published while a request is under way goes out together in the next one;
 * there is no timer. Idempotent, `acks=all`, one request at a time, so that records of a key keep their order.
 */
export class Producer {
  private readonly cluster: KafkaCluster;
  private readonly queue: QueuedRecord[] = [];
  private readonly calls = new Set<PublishCall>();
  private readonly counts = new Map<string, number>();
  private readonly sequences = new Map<string, number>();
  private session: ProducerSession | undefined;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private keyless = 0;
  private readonly closing = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly health: HealthBook,
  ) {
    this.cluster = new KafkaCluster(settings);
  }

  /** As `EventLog.publish`. */
  async publish(records: readonly OutgoingRecord[]): Promise<Place[]> {
    if (records.length === 0) return [];
    if (this.closing.signal.aborted) throw new LogUnavailableError('The event log is closed');
    const sizes = records.map(checkedBytes);
    const call = new PublishCall(records.length, this.settings.now() + this.settings.publishTimeoutMs);
    this.calls.add(call);
    this.watchDeadlines();
    const over = (): void => void this.calls.delete(call);
    call.done.then(over, over);
    this.enqueue(call, records, sizes);
    this.running ??= this.run();
    return call.done;
  }

  /** Sends what is waiting (as long as its calls wait for it), then closes the connections. */
  async close(): Promise<void> {
    await this.running;
    this.closing.abort();
    clearInterval(this.timer);
    await this.cluster.close();
  }

  private enqueue(call: PublishCall, records: readonly OutgoingRecord[], sizes: readonly number[]): void {
    records.forEach((record, index) => {
      const topic = this.settings.topicPrefix + record.topic;
      // The number of partitions is known from the first request on; -1 until then.
      const partition = this.partitionFor(topic, record);
      this.queue.push({ call, index, record, topic, partition, bytes: (sizes[index] ?? 0) + RECORD_OVERHEAD });
    });
  }

  private partitionFor(topic: string, record: OutgoingRecord): number {
    const count = this.counts.get(topic);
    if (count === undefined) return -1;
    if (record.key === null) return this.keyless++ % count;
    return partitionOf(Buffer.isBuffer(record.key) ? record.key : Buffer.from(record.key), count);
  }

  private async run(): Promise<void> {
    // What the caller publishes in the same turn goes along.
    await Promise.resolve();
    while (this.queue.length > 0) {
      await this.learnPartitions();
      const batches = takeRequest(this.queue, BOUNDS);
      if (batches.length > 0) await this.sendUntilDone(batches);
    }
    this.running = undefined;
  }

  /** Gives their partitions to records of topics that were not known yet; gives up on calls that are over. */
  private async learnPartitions(): Promise<void> {
    for (let failures = 0; ;) {
      const unknown = new Set(this.queue.filter((queued) => queued.partition < 0).map((queued) => queued.topic));
      if (unknown.size === 0) return;
      try {
        for (const topic of unknown) this.counts.set(topic, (await this.cluster.leaders(topic)).length);
        this.queue.forEach((queued, at) => {
          if (queued.partition >= 0) return;
          this.queue[at] = { ...queued, partition: this.partitionFor(queued.topic, queued.record) };
        });
      } catch (error) {
        failures += 1;
        await this.afterFailure(error, failures);
        const alive = this.queue.filter((queued) => !queued.call.isOver);
        this.queue.splice(0, this.queue.length, ...alive);
      }
    }
  }

  /** Repeats the same batches until each is appended or refused, or nobody waits for them any more. */
  private async sendUntilDone(batches: PartitionBatch[]): Promise<void> {
    let left = batches;
    for (let failures = 0; left.length > 0;) {
      try {
        left = await this.sendOnce(left);
        if (left.length === 0) break;
        throw new Error('Some partitions have no leader at present');
      } catch (error) {
        failures += 1;
        await this.afterFailure(error, failures);
      }
      if (left.every((batch) => batch.records.every(({ call }) => call.isOver))) {
        // They may be there or not, so the sequence is unknown: begin another.
        this.forgetSession();
        return;
      }
    }
    if (this.health.working('producer')) this.settings.logger.info({}, 'Kafka acknowledges again');
  }

  /** One round; answers with the batches that have to be sent again. */
  private async sendOnce(batches: readonly PartitionBatch[]): Promise<PartitionBatch[]> {
    const session = (this.session ??= await this.newSession());
    const byLeader = new Map<number, PartitionBatch[]>();
    const left: PartitionBatch[] = [];
    for (const batch of batches) {
      const leader = (await this.cluster.leaders(batch.topic))[batch.partition];
      if (leader === undefined) left.push(batch);
      else byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
    }
    const rounds = [...byLeader].map(async ([leader, ofLeader]) => {
      const answers = await this.cluster.send(leader, this.request(ofLeader, session));
      left.push(...this.takeAnswers(ofLeader, answers));
    });
    const results = await Promise.allSettled(rounds);
    const failed = results.find((result) => result.status === 'rejected');
    // Every batch is sent again, the broker recognises by their sequence those that it has.
    if (failed) throw failed.reason;
    if (left.length > 0) await this.cluster.refresh();
    return left;
  }

  private request(batches: readonly PartitionBatch[], session: ProducerSession): ReturnType<typeof produceRequest> {
    const nowMs = this.settings.now();
    const encoded = batches.map(({ topic, partition, records }) => ({
      topic,
      partition,
      bytes: encodeBatch(
        records.map(({ record }) => record),
        session,
        this.sequences.get(`${partition}/${topic}`) ?? 0,
        nowMs,
      ),
    }));
    return produceRequest(encoded, this.settings.publishTimeoutMs);
  }

  private takeAnswers(batches: readonly PartitionBatch[], answers: readonly ProducedPartition[]): PartitionBatch[] {
    const left: PartitionBatch[] = [];
    for (const batch of batches) {
      const { topic, partition, records } = batch;
      const answer = answers.find((one) => one.topic === topic && one.partition === partition);
      const code = answer?.errorCode ?? -1;
      if (answer && code === 0) {
        this.advance(batch);
        for (const [offset, { call, index, record }] of records.entries()) {
          call.place(index, { topic: record.topic, partition, position: answer.baseOffset + offset });
        }
      } else if (ONE_RECORDS_FAULT.has(code) && records.length > 1) {
        this.forgetSession();
        left.push(...records.map((queued) => ({ topic, partition, records: [queued], bytes: queued.bytes })));
      } else if (REFUSED.has(code)) {
        this.forgetSession();
        for (const { call, record, bytes } of records) call.fail(refusal(code, record, bytes));
      } else {
        if (SESSION_LOST.has(code)) this.forgetSession();
        left.push(batch);
      }
    }
    return left;
  }

  private advance({ topic, partition, records }: PartitionBatch): void {
    const name = `${partition}/${topic}`;
    this.sequences.set(name, ((this.sequences.get(name) ?? 0) + records.length) % 0x8000_0000);
  }

  private async newSession(): Promise<ProducerSession> {
    const cluster = await this.cluster.connect();
    await cluster.refreshMetadataIfNecessary();
    const broker = await cluster.findControllerBroker();
    this.sequences.clear();
    return broker.initProducerId({ transactionTimeout: 60_000 });
  }

  private forgetSession(): void {
    this.session = undefined;
    this.sequences.clear();
  }

  private async afterFailure(error: unknown, failures: number): Promise<void> {
    const reason = `Kafka does not acknowledge: ${reasonOf(error)}`;
    const isNew = this.health.failing('producer', reason, 1_000);
    if (isNew) this.settings.logger.warn({ reason: reasonOf(error) }, 'Kafka does not acknowledge; trying again');
    this.cluster.discard();
    await pause(backoffMs(failures, 50, 1_000), this.closing.signal);
  }

  /** One timer for all calls, and only while there are calls. */
  private watchDeadlines(): void {
    this.timer ??= setInterval(() => {
      const now = this.settings.now();
      for (const call of this.calls) {
        if (now < call.deadlineMs) continue;
        call.fail(new LogUnavailableError(`Kafka did not acknowledge within ${this.settings.publishTimeoutMs} ms`));
      }
      if (this.calls.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    }, 250);
  }
}

/** Bytes of the record. Throws `RecordTooLargeError` above its topic's limit, so that it never joins a batch. */
function checkedBytes(record: OutgoingRecord): number {
  const bytes = recordBytes(record);
  const { maxRecordBytes } = declarationOf(record.topic);
  if (bytes > maxRecordBytes) throw new RecordTooLargeError(record.topic, bytes, maxRecordBytes);
  return bytes;
}

function refusal(code: number, record: OutgoingRecord, bytes: number): Error {
  if (code !== MESSAGE_TOO_LARGE) return errors.createErrorFromCode(code);
  return new RecordTooLargeError(record.topic, bytes, declarationOf(record.topic).maxRecordBytes);
}
