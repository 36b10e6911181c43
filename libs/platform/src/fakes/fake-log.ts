import type {
  Consumer,
  ConsumeOptions,
  EventLog,
  Follower,
  LogRecord,
  OutgoingRecord,
  Place,
} from '@switchhook/event-log';

type Take = (records: readonly LogRecord[]) => void | Promise<void>;

/** A log in memory with one partition per topic, for specs: `publish` reaches followers; `groups` has what was joined. */
export class FakeLog implements EventLog {
  readonly identity = 'fake:1';
  readonly groups = new Map<string, ConsumeOptions>();
  readonly closed: string[] = [];
  lagByTopic: Record<string, number> = {};
  oldestMsByTopic: Record<string, number | undefined> = {};
  healthReason: string | undefined;
  stuck: string | undefined;
  readonly #records = new Map<string, LogRecord[]>();
  readonly #followers = new Map<string, Take[]>();

  async start(): Promise<void> {}

  async publish(records: readonly OutgoingRecord[]): Promise<Place[]> {
    return Promise.all(records.map((record) => this.#append(record)));
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.groups.set(options.group, options);
    return {
      assigned: () => [0],
      lag: () => this.lagByTopic,
      oldestMs: () => this.oldestMsByTopic,
      close: async () => void this.closed.push(options.group),
    };
  }

  async follow(topic: string, onRecords: Take): Promise<Follower> {
    this.#followers.set(topic, [...(this.#followers.get(topic) ?? []), onRecords]);
    const caughtUp = Promise.resolve(onRecords(this.#records.get(topic) ?? []));
    return { caughtUp, reachEnd: async () => {}, close: async () => void this.closed.push(topic) };
  }

  async *read(): AsyncIterable<readonly LogRecord[]> {}

  async ends(topic: string): Promise<number[]> {
    return [this.#records.get(topic)?.length ?? 0];
  }

  /** Its groups finish at once. */
  async unfinishedSince(): Promise<(number | undefined)[]> {
    return [undefined];
  }

  health() {
    if (this.stuck !== undefined) return { ok: false, reason: this.stuck, stuck: this.stuck };
    return this.healthReason === undefined ? { ok: true } : { ok: false, reason: this.healthReason };
  }

  async close(): Promise<void> {}

  async #append(outgoing: OutgoingRecord): Promise<Place> {
    const { topic, value, headers } = outgoing;
    const records = this.#records.get(topic) ?? [];
    this.#records.set(topic, records);
    const key = typeof outgoing.key === 'string' ? Buffer.from(outgoing.key) : outgoing.key;
    const record = { topic, partition: 0, position: records.length, appendedAtMs: 0, key, value, headers };
    records.push(record);
    for (const take of this.#followers.get(topic) ?? []) await take([record]);
    return { topic, partition: 0, position: record.position };
  }
}
