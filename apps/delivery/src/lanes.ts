/** What a lane works on: anything that knows its webhook, its partition and its size. */
export interface LaneJob {
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
  /** False while no call of this partition may begin: too many outcomes wait for the log, or we may lose the partition. */
  readonly mayStart: (partition: number) => boolean;
  /** A record of the webhook has left its lane: there may be room for what is parked. */
  readonly onRoom: (webhookId: number) => void;
  readonly now: () => number;
  readonly laneRecordsMax?: number;
  readonly recordsMax?: number;
  readonly bytesMax?: number;
}

interface Lane<Job> {
  readonly webhookId: number;
  readonly partition: number;
  readonly waiting: Job[];
  readonly running: Map<
    Job,
    { readonly startedAt: number; readonly abort: AbortController; readonly ended: Promise<void> }
  >;
  /** Moving mean of how long a call takes, ms; 0 before the first has ended. */
  meanCallMs: number;
}

/** A record taken into a lane should begin within this time, so that its signature does not grow old in memory. */
const BEGIN_WITHIN_MS = 60_000;
const MEAN_WEIGHT = 0.1;

/**
 * One lane per webhook: a bounded queue and as many calls at a time as the webhook allows. A lane never waits for another,
 * which is what keeps a slow endpoint from hurting anyone but itself (architecture.md §2.4). A lane exists only while it has
 * work, so a webhook that is idle costs nothing.
 *
 * Bound of memory: `recordsMax` records and `bytesMax` bytes over all lanes; what does not fit is refused with `full`.
 */
export class Lanes<Job extends LaneJob> {
  private readonly lanes = new Map<number, Lane<Job>>();
  private records = 0;
  private bytes = 0;
  private calls = 0;

  constructor(private readonly options: LanesOptions<Job>) {}

  /** Queues the job and begins it at once if its lane has a free slot. `full`: nothing was taken. */
  offer(job: Job): 'taken' | 'full' {
    const { recordsMax = 20_000, bytesMax = 128 * 1024 * 1024 } = this.options;
    if (this.room(job.webhookId) === 0 || this.records >= recordsMax || this.bytes + job.bytes > bytesMax)
      return 'full';
    const lane = this.lanes.get(job.webhookId) ?? this.open(job);
    lane.waiting.push(job);
    this.records += 1;
    this.bytes += job.bytes;
    this.pump(lane);
    return 'taken';
  }

  /** How many more records the lane of this webhook would take now. */
  room(webhookId: number): number {
    const { laneRecordsMax = 2_000 } = this.options;
    const limit = this.options.limitOf(webhookId);
    const lane = this.lanes.get(webhookId);
    if (!lane) return Math.min(limit, laneRecordsMax);
    const concurrency = this.options.concurrencyOf(webhookId);
    const callMs = this.paceMs(lane);
    const withinTime = callMs === 0 ? laneRecordsMax : Math.floor((BEGIN_WITHIN_MS / callMs) * concurrency);
    const capacity = Math.min(limit, Math.max(concurrency, Math.min(laneRecordsMax, withinTime)));
    return Math.max(0, capacity - lane.waiting.length - lane.running.size);
  }

  /** Lanes with work, records in them (calls included), and calls under way. */
  counts(): { lanes: number; records: number; calls: number } {
    return { lanes: this.lanes.size, records: this.records, calls: this.calls };
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
    for (const job of waiting) this.leave(job);
    this.pump(lane);
    return waiting;
  }

  /** Begins what may begin: after `mayStart` has become true again, or a webhook's concurrency or limit has risen. */
  resume(): void {
    for (const lane of this.lanes.values()) this.pump(lane);
  }

  /**
   * Empties the lanes of a partition that is going away: nothing new begins, calls under way have `graceMs` to end, the rest
   * is aborted. Whoever has the partition next reads all of it again.
   */
  async stopPartition(partition: number, graceMs: number): Promise<void> {
    const own = [...this.lanes.values()].filter((lane) => lane.partition === partition);
    for (const lane of own) {
      for (const job of lane.waiting.splice(0)) this.leave(job);
    }
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
  }

  private open(job: Job): Lane<Job> {
    const lane: Lane<Job> = {
      webhookId: job.webhookId,
      partition: job.partition,
      waiting: [],
      running: new Map(),
      meanCallMs: 0,
    };
    this.lanes.set(job.webhookId, lane);
    return lane;
  }

  /** The mean, or the age of the oldest call under way if that is longer: an endpoint that hangs ends no call. */
  private paceMs(lane: Lane<Job>): number {
    const oldest = lane.running.values().next();
    const ageMs = oldest.done ? 0 : this.options.now() - oldest.value.startedAt;
    return Math.max(lane.meanCallMs, ageMs);
  }

  private pump(lane: Lane<Job>): void {
    while (lane.running.size < this.slots(lane) && this.options.mayStart(lane.partition)) {
      const job = lane.waiting.shift();
      if (!job) break;
      this.begin(lane, job);
    }
    if (lane.waiting.length === 0 && lane.running.size === 0) this.lanes.delete(lane.webhookId);
  }

  /** Asked for before each call: beginning one may change the answer. */
  private slots({ webhookId }: Lane<Job>): number {
    return Math.min(this.options.concurrencyOf(webhookId), this.options.limitOf(webhookId));
  }

  private begin(lane: Lane<Job>, job: Job): void {
    const abort = new AbortController();
    const startedAt = this.options.now();
    this.calls += 1;
    const ended = this.options.start(job, abort.signal).then(() => {
      const callMs = this.options.now() - startedAt;
      lane.meanCallMs = lane.meanCallMs === 0 ? callMs : lane.meanCallMs + MEAN_WEIGHT * (callMs - lane.meanCallMs);
      lane.running.delete(job);
      this.calls -= 1;
      this.leave(job);
      this.pump(lane);
      this.options.onRoom(lane.webhookId);
    });
    lane.running.set(job, { startedAt, abort, ended });
  }

  private leave(job: Job): void {
    this.records -= 1;
    this.bytes -= job.bytes;
  }
}
