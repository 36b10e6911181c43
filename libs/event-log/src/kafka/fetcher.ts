import { backoffMs, pause } from '../backoff.js';
import type { KafkaCluster } from './cluster.js';
import { reasonOf } from './cluster.js';
import type { LogRecord } from '../event-log.js';
import type { Fetching, WantedPartition } from './fetch-watch.js';
import type { Settings } from './options.js';
import { fetchRequest, type FetchedPartition, type FetchOptions } from './protocol.js';
import { decodeBatches } from './record-batch.js';

const OFFSET_OUT_OF_RANGE = 1;
const SKIPPED_MAX_MS = 1_000;

/** One partition that is fetched. It says whether it wants more, and takes what has come. */
export interface FetchTarget {
  /** With prefix. */
  readonly topic: string;
  readonly partition: number;
  /** Where to fetch next. */
  readonly position: number;
  readonly wantsMore: boolean;
  /** `next` is behind what was fetched, also where compaction left no record; `end` is the partition's end. */
  take(records: LogRecord[], next: number, end: number): void;
  /** The position is not there (any more). It wants no more until it has another. */
  outOfRange(): void;
}

/** How a fetcher asks. */
export interface FetchPace extends FetchOptions {
  /**
   * After an answer of less than `restUnderBytes` the broker is not asked for so long. Waiting at the broker until there is
   * much (`minBytes`) would be no rest for it: every append to any of the partitions makes it add all of them up again.
   */
  readonly restMs?: number;
  readonly restUnderBytes?: number;
  /** What need not be asked for now. When the broker has not answered for a second, all is asked for. */
  readonly skips?: (target: FetchTarget) => boolean;
}

export interface FetcherEvents {
  failed(reason: string): void;
  fetched(): void;
  /** Records have come; who wrote them, as in `DecodedBatches`. */
  brought?(producerIds: readonly number[]): void;
}

interface Fetched {
  readonly bytes: number;
  /** The broker does not lead what it was asked for. */
  readonly isStale: boolean;
}

const NOTHING: Fetched = { bytes: 0, isStale: false };

/**
 * Fetches a changing set of partitions: one loop per broker that leads some of them, so that one broker's wait does not hold
 * another's records. A record is handed on as soon as the broker has it; nothing is decoded twice.
 */
export class Fetcher implements Fetching {
  private targets: readonly FetchTarget[] = [];
  private readonly loops = new Map<number, Promise<void>>();
  private readonly stopping = new AbortController();
  private resting = new AbortController();
  private hurries = 0;
  private wake: (() => void) | undefined;
  private woken: Promise<void> = Promise.resolve();
  private supervisor: Promise<void> | undefined;
  private lastAnswerMs = 0;

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly settings: Settings,
    /** Asked before each fetch. */
    private readonly pace: () => FetchPace,
    private readonly events: FetcherEvents,
  ) {
    this.sleepAnew();
  }

  /** Fetches these from now on; what is still under way for others is dropped by them. */
  replace(targets: readonly FetchTarget[]): void {
    this.targets = targets;
    this.supervisor ??= this.supervise();
    this.resumed();
  }

  /** A target wants more again. */
  resumed(): void {
    this.wake?.();
  }

  /** There is something to fetch: no rest before it. */
  hurry(): void {
    this.hurries += 1;
    this.resting.abort();
    this.resting = new AbortController();
    this.resumed();
  }

  get answeredMs(): number {
    return this.lastAnswerMs;
  }

  wanted(): readonly WantedPartition[] {
    return this.targets.filter((target) => target.wantsMore);
  }

  async stop(): Promise<void> {
    this.targets = [];
    this.stopping.abort();
    this.hurry();
    // Ends the waits at the brokers too.
    await this.cluster.close();
    await Promise.all([this.supervisor, ...this.loops.values()]);
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private sleepAnew(): void {
    this.woken = new Promise((resolve) => (this.wake = resolve));
  }

  /** Keeps one loop running for every broker that leads a partition which wants more. */
  private async supervise(): Promise<void> {
    for (let failures = 0; !this.isStopped;) {
      const { woken } = this;
      try {
        for (const leader of await this.leadersWanted()) {
          if (!this.loops.has(leader)) this.loops.set(leader, this.loop(leader));
        }
        failures = 0;
      } catch (error) {
        failures += 1;
        await this.afterFailure(error, failures);
        continue;
      }
      await woken;
      this.sleepAnew();
    }
  }

  private async leadersWanted(): Promise<Set<number>> {
    const wanted = new Set<number>();
    for (const [target, leader] of await this.wantedByLeader()) {
      if (leader === undefined) throw new Error(`${target.topic} ${target.partition} has no leader at present`);
      wanted.add(leader);
    }
    return wanted;
  }

  /** Ends when the broker leads nothing that is wanted; the supervisor begins it again. */
  private async loop(leader: number): Promise<void> {
    try {
      for (let failures = 0; !this.isStopped;) {
        try {
          const targets = await this.targetsOf(leader);
          if (targets.length === 0) return;
          await this.fetchOnce(leader, targets);
          failures = 0;
        } catch (error) {
          failures += 1;
          await this.afterFailure(error, failures);
          // Whoever leads now is asked by a loop of his own.
          if (failures > 1) return;
        }
      }
    } finally {
      this.loops.delete(leader);
      this.resumed();
    }
  }

  private async targetsOf(leader: number): Promise<FetchTarget[]> {
    return (await this.wantedByLeader()).filter((pair) => pair[1] === leader).map(([target]) => target);
  }

  private async wantedByLeader(): Promise<[FetchTarget, number | undefined][]> {
    const wanted = this.targets.filter((target) => target.wantsMore);
    const leaders = new Map<string, (number | undefined)[]>();
    for (const topic of new Set(wanted.map((target) => target.topic))) {
      leaders.set(topic, await this.cluster.leaders(topic));
    }
    return wanted.map((target) => [target, leaders.get(target.topic)?.[target.partition]]);
  }

  private async fetchOnce(leader: number, targets: readonly FetchTarget[]): Promise<void> {
    const { hurries } = this;
    const pace = this.pace();
    const asked = this.askedFor(targets, pace);
    const fetched = asked.length === 0 ? NOTHING : await this.ask(leader, asked, pace);
    if (!fetched) return;
    if (hurries === this.hurries) await this.rest(fetched.bytes, pace);
    if (fetched.isStale) await this.cluster.refresh().then(() => pause(100, this.stopping.signal));
  }

  private askedFor(targets: readonly FetchTarget[], { skips }: FetchPace): readonly FetchTarget[] {
    const isSilent = this.settings.now() - this.lastAnswerMs >= SKIPPED_MAX_MS;
    return skips === undefined || isSilent ? targets : targets.filter((target) => !skips(target));
  }

  /** Asks once and hands on; undefined when we are to stop. What has come is not kept: a rest may follow. */
  private async ask(leader: number, targets: readonly FetchTarget[], pace: FetchPace): Promise<Fetched | undefined> {
    const asked = targets.map((target) => ({ target, from: target.position }));
    const answers = await this.cluster.send(leader, fetchRequest(targets, pace));
    if (this.isStopped) return undefined;
    this.lastAnswerMs = this.settings.now();
    let bytes = 0;
    let isStale = false;
    for (const answer of answers) {
      bytes += answer.bytes.length;
      const found = asked.find(({ target: t }) => t.topic === answer.topic && t.partition === answer.partition);
      // Sought elsewhere meanwhile, or taken away.
      if (!found || found.target.position !== found.from || !this.targets.includes(found.target)) continue;
      if (answer.errorCode === 0) this.deliver(found.target, found.from, answer);
      else if (answer.errorCode === OFFSET_OUT_OF_RANGE) found.target.outOfRange();
      else isStale = true;
    }
    // Only now: what cannot be decoded fails, however often the broker answers.
    this.events.fetched();
    return { bytes, isStale };
  }

  private async rest(fetchedBytes: number, { restMs = 0, restUnderBytes = 0 }: FetchPace): Promise<void> {
    if (restMs > 0 && fetchedBytes < restUnderBytes) await pause(restMs, this.resting.signal);
  }

  private deliver(target: FetchTarget, from: number, answer: FetchedPartition): void {
    if (answer.bytes.length === 0) return target.take([], from, answer.end);
    const { topic, partition } = target;
    const place = { topic: topic.slice(this.settings.topicPrefix.length), partition, from };
    const { records, next, producerIds } = decodeBatches(answer.bytes, place, answer.aborted);
    if (records.length > 0) this.events.brought?.(producerIds);
    target.take(records, next, answer.end);
  }

  private async afterFailure(error: unknown, failures: number): Promise<void> {
    if (this.isStopped) return;
    this.events.failed(reasonOf(error));
    this.cluster.discard();
    await pause(backoffMs(failures, 50, 1_000), this.stopping.signal);
  }
}
