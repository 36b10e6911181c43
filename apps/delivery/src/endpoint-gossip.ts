import { channel } from 'node:diagnostics_channel';
import { EndpointChangeSchema, HEADER, SCHEMA_VERSION, TOPICS, type EndpointChange } from '@switchhook/contracts';
import type { EventLog, Follower, LogRecord, OutgoingRecord } from '@switchhook/event-log';
import type { Breakers } from './breakers.js';

/** Where chaos runs end the process (docs/adr/0035). */
const BREAKER_TOLD = channel('switchhook.delivery.breaker-told');

export interface EndpointGossipDeps {
  readonly log: Pick<EventLog, 'publish' | 'follow'>;
  readonly breakers: Pick<Breakers, 'hear' | 'onChange'>;
  readonly onUnreadable: (record: LogRecord, reason: string) => void;
  readonly onError: (error: unknown) => void;
}

const RETRY_MS = 1_000;

/**
 * Tells the other instances what the breakers here do, and the breakers what others say: `endpoints.v1`, read from its
 * beginning, which is also how an open breaker outlives a restart.
 */
export class EndpointGossip {
  private readonly untold = new Map<string, EndpointChange>();
  private following: Promise<Follower> | undefined;
  private telling = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly whenTold: (() => void)[] = [];

  constructor(private readonly deps: EndpointGossipDeps) {
    deps.breakers.onChange(({ gossip }) => {
      if (!gossip) return;
      this.untold.set(gossip.endpoint, gossip);
      void this.tell();
    });
  }

  /** Resolves when the breakers know everything that was on the topic at the first call; rejects when it cannot be followed. */
  async restored(): Promise<void> {
    await (
      await this.follow()
    ).caughtUp;
  }

  /** Resolves when the breakers know everything that is on the topic now. */
  async reachEnd(): Promise<void> {
    await (await this.follow()).reachEnd();
  }

  /** Resolves when the log has everything that the breakers here have to tell. */
  async told(): Promise<void> {
    if (this.untold.size > 0) await new Promise<void>((resolve) => this.whenTold.push(resolve));
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.untold.clear();
    const follower = await this.following?.catch(() => undefined);
    await follower?.close();
  }

  private async follow(): Promise<Follower> {
    this.following ??= this.deps.log
      .follow(TOPICS.endpoints.name, (records) => records.forEach((record) => this.hear(record)))
      .catch((error: unknown) => {
        this.following = undefined;
        throw error;
      });
    return this.following;
  }

  private hear(record: LogRecord): void {
    if (record.value === null) return;
    try {
      this.deps.breakers.hear(EndpointChangeSchema.parse(JSON.parse(record.value.toString('utf8'))));
    } catch (error) {
      this.deps.onUnreadable(record, error instanceof Error ? error.name : 'unknown');
    }
  }

  /** Publishes what is not told, until nothing is left. While the log is away only the newest change of an endpoint is kept. */
  private async tell(): Promise<void> {
    if (this.telling) return;
    this.telling = true;
    try {
      while (this.untold.size > 0) {
        const changes = [...this.untold.values()];
        await this.deps.log.publish(changes.map(toRecord), { flush: false });
        BREAKER_TOLD.publish(undefined);
        for (const change of changes) {
          if (this.untold.get(change.endpoint) === change) this.untold.delete(change.endpoint);
        }
      }
      for (const done of this.whenTold.splice(0)) done();
    } catch (error) {
      this.deps.onError(error);
      this.timer = setTimeout(() => void this.tell(), RETRY_MS).unref();
    } finally {
      this.telling = false;
    }
  }
}

const toRecord = (change: EndpointChange): OutgoingRecord => ({
  topic: TOPICS.endpoints.name,
  key: change.endpoint,
  value: Buffer.from(JSON.stringify(change)),
  headers: { [HEADER.schema]: String(SCHEMA_VERSION), [HEADER.accountId]: String(change.accountId) },
});
