import { channel } from 'node:diagnostics_channel';
import errors from 'kafkajs/src/protocol/error.js';
import { declarationOf } from '@switchhook/contracts';
import { LogUnavailableError, RecordTooLargeError } from '../errors.js';
import type { OutgoingRecord, Place } from '../event-log.js';
import { backoffMs, pause } from '../backoff.js';
import { KafkaCluster, protocolType, reasonOf } from './cluster.js';
import type { HandOver } from './hand-over.js';
import type { HealthBook } from './health-book.js';
import type { Settings } from './options.js';
import { partitionOf } from './partitioning.js';
import { PublishCall, takeRequest, type PartitionBatch, type QueuedRecord } from './produce-queue.js';
import { produceRequest, type ProducedPartition } from './protocol.js';
import { encodeBatch, recordBytes, type ProducerSession } from './encode-batch.js';

/** Where chaos runs end the process (docs/adr/0035). */
const APPENDED = channel('switchhook.kafka.appended');

const BOUNDS = { requestBytes: 8 * 1024 * 1024, partitionBytes: 1024 * 1024 };
/** Room for what the batch adds to each record: lengths, deltas. */
const RECORD_OVERHEAD = 64;
const SAY_AFTER = 3;
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
  private readonly ids = new Set<number>();
  private session: ProducerSession | undefined;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private keyless = 0;
  private readonly closing = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly health: HealthBook,
    private readonly handOver: HandOver,
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

  /** Whether this process wrote what a batch with this producer id holds. */
  isOurs(producerId: number): boolean {
    return this.ids.has(producerId);
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
      const key = typeof record.key === 'string' ? Buffer.from(record.key) : record.key;
      const partition = this.partitionFor(topic, key);
      this.queue.push({ call, index, record, topic, partition, key, bytes: (sizes[index] ?? 0) + RECORD_OVERHEAD });
    });
  }

  private partitionFor(topic: string, key: Buffer | null): number {
    const count = this.counts.get(topic);
    if (count === undefined) return -1;
    return key === null ? this.keyless++ % count : partitionOf(key, count);
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
          this.queue[at] = { ...queued, partition: this.partitionFor(queued.topic, queued.key) };
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
  private async sendUntilDone(batches: readonly PartitionBatch[]): Promise<void> {
    let left = batches;
    for (let failures = 0; left.length > 0;) {
      const round = await this.sendOnce(left);
      left = round.left;
      if (left.length === 0) break;
      if (round.error) {
        failures += 1;
        await this.afterFailure(round.error, failures);
      }
      if (left.every((batch) => batch.records.every(({ call }) => call.isOver))) {
        // They may be there or not, so the sequence is unknown: begin another.
        this.forgetSession();
        return;
      }
    }
    if (this.health.working('producer')) this.settings.logger.info({}, 'Kafka acknowledges again');
  }

  /** One round: the batches that have to be sent again, in order, and what went wrong. */
  private async sendOnce(batches: readonly PartitionBatch[]): Promise<Round> {
    const left = new Map<PartitionBatch, readonly PartitionBatch[]>(batches.map((batch) => [batch, [batch]]));
    const appended = this.handOver.appending(batches);
    let error: unknown;
    try {
      const session = (this.session ??= await this.newSession());
      const rounds = [...(await this.byLeader(batches))].map(async ([leader, ofLeader]) => {
        const answers = await this.cluster.send(leader, this.request(ofLeader, session));
        APPENDED.publish(undefined);
        for (const batch of ofLeader) {
          const again = this.takeAnswer(batch, answers);
          left.set(batch, again.batches);
          error ??= again.error;
        }
      });
      const results = await Promise.allSettled(rounds);
      // What has no answer is sent again as it was: the broker knows by its sequence what it has.
      for (const result of results) if (result.status === 'rejected') error ??= result.reason;
    } catch (reason) {
      error = reason;
    } finally {
      appended();
    }
    const again = [...left.values()].flat();
    const stuck = again.length === batches.length;
    return { left: again, error: error ?? (stuck ? new Error(`No leader for ${again[0]?.topic}`) : undefined) };
  }

  /** Which broker gets what now: one batch per partition, the first. */
  private async byLeader(batches: readonly PartitionBatch[]): Promise<Map<number, PartitionBatch[]>> {
    const byLeader = new Map<number, PartitionBatch[]>();
    const seen = new Set<string>();
    for (const batch of batches) {
      const name = nameOf(batch);
      const leader = (await this.cluster.leaders(batch.topic))[batch.partition];
      if (seen.has(name) || leader === undefined) continue;
      seen.add(name);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
    }
    return byLeader;
  }

  private request(batches: readonly PartitionBatch[], session: ProducerSession): ReturnType<typeof produceRequest> {
    const nowMs = this.settings.now();
    const encoded = batches.map((batch) => {
      const { topic, partition, records } = batch;
      const sequence = this.sequences.get(nameOf(batch)) ?? 0;
      const written = records.map(({ record, key }) => ({ key, value: record.value, headers: record.headers }));
      return { topic, partition, bytes: encodeBatch(written, session, sequence, nowMs, batch.bytes) };
    });
    return produceRequest(encoded, this.settings.publishTimeoutMs);
  }

  /** What of the batch has to be sent again, and why. */
  private takeAnswer(batch: PartitionBatch, answers: readonly ProducedPartition[]): Again {
    const { topic, partition, records } = batch;
    const answer = answers.find((one) => one.topic === topic && one.partition === partition);
    if (!answer) return { batches: [batch], error: new Error(`No answer for ${topic} ${partition}`) };
    const { errorCode: code, baseOffset, appendedAtMs } = answer;
    if (code === 0) {
      this.sequences.set(nameOf(batch), ((this.sequences.get(nameOf(batch)) ?? 0) + records.length) % 0x8000_0000);
      for (const [offset, { call, index, record }] of records.entries()) {
        call.place(index, { topic: record.topic, partition, position: baseOffset + offset });
      }
      this.handOver.appended(batch, baseOffset, appendedAtMs);
      return NOTHING_LEFT;
    }
    if (ONE_RECORDS_FAULT.has(code) && records.length > 1) {
      this.forgetSession();
      return { batches: records.map((queued) => ({ topic, partition, records: [queued], bytes: queued.bytes })) };
    }
    if (REFUSED.has(code)) {
      this.forgetSession();
      for (const { call, record, bytes } of records) call.fail(refusal(code, record, bytes));
      return NOTHING_LEFT;
    }
    if (SESSION_LOST.has(code)) this.forgetSession();
    return { batches: [batch], error: errors.createErrorFromCode(code) };
  }

  private async newSession(): Promise<ProducerSession> {
    const cluster = await this.cluster.connect();
    await cluster.refreshMetadataIfNecessary();
    const broker = await cluster.findControllerBroker();
    this.sequences.clear();
    const session = await broker.initProducerId({ transactionTimeout: 60_000 });
    this.ids.add(Number(session.producerId));
    return session;
  }

  private forgetSession(): void {
    this.session = undefined;
    this.sequences.clear();
  }

  private async afterFailure(error: unknown, failures: number): Promise<void> {
    const reason = reasonOf(error);
    this.health.failing('producer', `Kafka does not acknowledge: ${reason}`, 1_000);
    // A leader that has just moved, or a topic that is just made, is no news.
    if (failures === SAY_AFTER) this.settings.logger.warn({ reason }, 'Kafka does not acknowledge; trying again');
    if (protocolType(error) === undefined) this.cluster.discard();
    else await this.cluster.refresh().catch(() => this.cluster.discard());
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

interface Round {
  readonly left: readonly PartitionBatch[];
  readonly error: unknown;
}

interface Again {
  readonly batches: readonly PartitionBatch[];
  readonly error?: Error;
}

const NOTHING_LEFT: Again = { batches: [] };

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${partition}/${topic}`;

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
