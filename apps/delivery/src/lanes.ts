import type { RateLimit } from '@switchhook/contracts';
import { FairTurns, type AccountWork } from './fair-turns.js';
import { RateBuckets } from './rate-buckets.js';

/** What a lane works on: anything that knows whose it is, its webhook, its partition and its size. */
export interface LaneJob {
  readonly accountId: number;
  readonly webhookId: number;
  readonly partition: number;
  readonly bytes: number;
}

export interface LanesOptions<Job extends LaneJob> {
  /** Makes the call. The slot is free again when it resolves; it never rejects. */
  readonly start: (job: Job, signal: AbortSignal) => Promise<void>;
  /** How many calls the webhook allows at a time. */
  readonly concurrencyOf: (webhookId: number) => number;
  /** How many records its lane may hold now, calls included; Infinity when nothing but the bounds of lanes limits it. */
  readonly limitOf: (webhookId: number) => number;
  /** How many calls the webhook allows in a time; undefined: as many as it answers. */
  readonly rateOf: (webhookId: number) => RateLimit | undefined;
  /** False while no call of this partition may begin: too many outcomes wait for the log, or we may lose the partition. */
  readonly mayStart: (partition: number) => boolean;
  /** A record of the webhook has left its lane: there may be room for what is parked. */
  readonly onRoom: (webhookId: number) => void;
  readonly now: () => number;
  /** Calls `wake` after `waitMs`; answers with what ends the waiting. */
  readonly after?: (waitMs: number, wake: () => void) => () => void;
  /** How much an account counts beside others, a whole number from 1; by default all the same. */
  readonly weightOf?: (accountId: number) => number;
  readonly laneRecordsMax?: number;
  readonly recordsMax?: number;
  readonly bytesMax?: number;
  readonly callsMax?: number;
}

interface Lane<Job> {
  readonly webhookId: number;
  readonly partition: number;
  readonly account: AccountWork<Lane<Job>>;
  readonly waiting: Job[];
  readonly running: Map<
    Job,
    { readonly startedAt: number; readonly abort: AbortController; readonly ended: Promise<void> }
  >;
  /** Moving mean of how long a call takes, ms; 0 before the first has ended. */
  meanCallMs: number;
  /** Ends the wait for a token; there is one wait per lane, however many records are in it. */
  endWait: (() => void) | undefined;
}

/** A record taken into a lane should begin within this time, so that its signature does not grow old in memory. */
const BEGIN_WITHIN_MS = 60_000;
const MEAN_WEIGHT = 0.1;

/**
 * One lane per webhook: a bounded queue, as many calls at a time as the webhook allows, and no more in a second than it
 * allows. A lane never waits for another while the process can make more calls, which is what keeps a slow endpoint from
 * hurting anyone but itself (architecture.md §2.4); where it cannot, accounts take turns. A lane exists only while it has
 * work, so a webhook that is idle costs nothing.
 *
 * Bound of memory: `recordsMax` records and `bytesMax` bytes over all lanes, of which an account never has more than is
 * still free; what does not fit is refused with `full`, or `limited` where the webhook's rate is what keeps it waiting.
 */
export class Lanes<Job extends LaneJob> {
  private readonly lanes = new Map<number, Lane<Job>>();
  private readonly turns: FairTurns<Lane<Job>>;
  readonly buckets: RateBuckets;

  constructor(private readonly options: LanesOptions<Job>) {
    const { recordsMax = 20_000, bytesMax = 128 * 1024 * 1024, callsMax = 2_048 } = options;
    this.turns = new FairTurns({ records: recordsMax, bytes: bytesMax, calls: callsMax }, options.weightOf);
    this.buckets = new RateBuckets(options.now);
  }

  /** Queues the job and begins it at once if its lane has a free slot. `full`, `limited`: nothing was taken. */
  offer(job: Job): 'taken' | 'full' | 'limited' {
    if (!this.turns.fits(job.accountId, job.bytes)) return 'full';
    if (this.room(job.webhookId) === 0) return this.waitsForRate(job.webhookId) ? 'limited' : 'full';
    const lane = this.lanes.get(job.webhookId) ?? this.open(job);
    lane.waiting.push(job);
    this.turns.take(lane.account, job.bytes);
    this.pump(lane);
    return 'taken';
  }

  /** How many more records the lane of this webhook would take now. */
  room(webhookId: number): number {
    const lane = this.lanes.get(webhookId);
    const inLane = lane ? lane.waiting.length + lane.running.size : 0;
    return Math.max(0, Math.min(this.options.limitOf(webhookId), this.capacity(webhookId, lane)) - inLane);
  }

  /** The room from which on more should come from what is parked: a quarter of the lane, so that not each call asks for the next. */
  refillAt(webhookId: number): number {
    const capacity = Math.min(this.options.limitOf(webhookId), this.capacity(webhookId, this.lanes.get(webhookId)));
    return Math.max(1, Math.floor(capacity / 4));
  }

  /** Lanes with work, records in them (calls included), and calls under way. */
  counts(): { lanes: number; records: number; calls: number } {
    const { records, calls } = this.turns.counts();
    return { lanes: this.lanes.size, records, calls };
  }

  /** The lanes with work. */
  all(): readonly { readonly webhookId: number; readonly partition: number }[] {
    return [...this.lanes.values()];
  }

  /** Takes out of a lane what it has not begun, in order: somebody else has to find it a place. */
  takeWaiting(webhookId: number): readonly Job[] {
    const lane = this.lanes.get(webhookId);
    if (!lane) return [];
    const waiting = lane.waiting.splice(0);
    for (const job of waiting) this.turns.leave(lane.account, job.bytes);
    this.pump(lane);
    return waiting;
  }

  /** Begins what may begin: after `mayStart` has become true again, or a webhook's concurrency, rate or limit has risen. */
  resume(): void {
    for (const lane of this.lanes.values()) {
      lane.endWait?.();
      this.pump(lane);
    }
  }

  /**
   * Empties the lanes of a partition that is going away: nothing new begins, calls under way have `graceMs` to end, the rest
   * is aborted. Whoever has the partition next reads all of it again. Resolves with what it had not begun.
   */
  async stopPartition(partition: number, graceMs: number): Promise<readonly Job[]> {
    const own = [...this.lanes.values()].filter((lane) => lane.partition === partition);
    const notBegun = own.flatMap((lane) => this.takeWaiting(lane.webhookId));
    const underWay = own.flatMap((lane) => [...lane.running.values()]);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    const ended = Promise.all(underWay.map((call) => call.ended));
    await Promise.race([ended, grace]);
    clearTimeout(timer);
    for (const call of underWay) call.abort.abort();
    await ended;
    return notBegun;
  }

  private open(job: Job): Lane<Job> {
    const lane: Lane<Job> = {
      webhookId: job.webhookId,
      partition: job.partition,
      account: this.turns.of(job.accountId),
      waiting: [],
      running: new Map(),
      meanCallMs: 0,
      endWait: undefined,
    };
    this.lanes.set(job.webhookId, lane);
    return lane;
  }

  private waitsForRate(webhookId: number): boolean {
    return this.options.rateOf(webhookId) !== undefined && this.options.limitOf(webhookId) === Infinity;
  }

  /** How many records can begin in time, calls under way included. */
  private capacity(webhookId: number, lane: Lane<Job> | undefined): number {
    const { laneRecordsMax = 2_000, rateOf, concurrencyOf } = this.options;
    const callMs = lane ? this.paceMs(lane) : 0;
    const rate = rateOf(webhookId);
    if (callMs === 0 && !rate) return laneRecordsMax;
    const concurrency = concurrencyOf(webhookId);
    const atItsPace = callMs === 0 ? laneRecordsMax : Math.floor((BEGIN_WITHIN_MS / callMs) * concurrency);
    const running = lane?.running.size ?? 0;
    const atItsRate = rate ? running + Math.max(1, this.buckets.within(webhookId, rate, BEGIN_WITHIN_MS)) : Infinity;
    return Math.min(laneRecordsMax, atItsRate, Math.max(concurrency, atItsPace));
  }

  /** The mean, or the age of the oldest call under way if that is longer: an endpoint that hangs ends no call. */
  private paceMs(lane: Lane<Job>): number {
    const oldest = lane.running.values().next();
    const ageMs = oldest.done ? 0 : this.options.now() - oldest.value.startedAt;
    return Math.max(lane.meanCallMs, ageMs);
  }

  private pump(lane: Lane<Job>): void {
    while (this.mayBegin(lane)) {
      if (!this.turns.mayBegin(lane.account)) {
        this.turns.wait(lane.account, lane);
        return;
      }
      if (!this.beginNext(lane)) return;
    }
    this.closeIfIdle(lane);
  }

  /** One call for each lane whose turn it is, while calls may begin. */
  private giveTurns(): void {
    for (let lane = this.turns.next(); lane; lane = this.turns.next()) {
      if (this.mayBegin(lane) && this.beginNext(lane) && this.mayBegin(lane)) this.turns.wait(lane.account, lane);
      this.closeIfIdle(lane);
    }
  }

  /** Whether the lane itself has what to begin and a slot for it. Asked before each call: beginning one may change the answer. */
  private mayBegin(lane: Lane<Job>): boolean {
    if (lane.waiting.length === 0 || lane.endWait) return false;
    const { concurrencyOf, limitOf, mayStart } = this.options;
    return (
      lane.running.size < Math.min(concurrencyOf(lane.webhookId), limitOf(lane.webhookId)) && mayStart(lane.partition)
    );
  }

  /** False: the webhook's rate does not allow it yet; the lane goes on by itself when it does. */
  private beginNext(lane: Lane<Job>): boolean {
    const rate = this.options.rateOf(lane.webhookId);
    const waitMs = rate ? this.buckets.take(lane.webhookId, rate) : 0;
    if (waitMs > 0) {
      this.wait(lane, waitMs);
      return false;
    }
    const job = lane.waiting.shift();
    if (job) this.begin(lane, job);
    return true;
  }

  private wait(lane: Lane<Job>, waitMs: number): void {
    const { after = afterTimer } = this.options;
    const end = after(waitMs, () => {
      lane.endWait = undefined;
      this.pump(lane);
    });
    const endWait = (): void => {
      lane.endWait = undefined;
      end();
    };
    lane.endWait = endWait;
  }

  private begin(lane: Lane<Job>, job: Job): void {
    const abort = new AbortController();
    const startedAt = this.options.now();
    this.turns.begin(lane.account);
    const ended = this.options.start(job, abort.signal).then(() => {
      const callMs = this.options.now() - startedAt;
      lane.meanCallMs = lane.meanCallMs === 0 ? callMs : lane.meanCallMs + MEAN_WEIGHT * (callMs - lane.meanCallMs);
      lane.running.delete(job);
      this.turns.end(lane.account);
      this.turns.leave(lane.account, job.bytes);
      this.goOn(lane);
      this.options.onRoom(lane.webhookId);
    });
    lane.running.set(job, { startedAt, abort, ended });
  }

  /** A slot is free: where lanes wait for turns it is theirs first, and this one stands behind them. */
  private goOn(lane: Lane<Job>): void {
    if (!this.turns.isContended()) return this.pump(lane);
    if (this.mayBegin(lane)) this.turns.wait(lane.account, lane);
    this.giveTurns();
    this.closeIfIdle(lane);
  }

  private closeIfIdle(lane: Lane<Job>): void {
    if (lane.waiting.length > 0 || lane.running.size > 0) return;
    lane.endWait?.();
    this.turns.waitsNoMore(lane.account, lane);
    if (this.lanes.get(lane.webhookId) === lane) this.lanes.delete(lane.webhookId);
  }
}

function afterTimer(waitMs: number, wake: () => void): () => void {
  const timer = setTimeout(wake, Math.ceil(waitMs)).unref();
  return () => clearTimeout(timer);
}
