import { channel } from 'node:diagnostics_channel';
import type { DataSource } from 'typeorm';
import { moveCheckpoint, readCheckpoint, type CheckpointKey } from './checkpoints.js';
import type { EventStore, StoredEvent } from './event-store.js';
import { eventsChannel } from './postgres-event-store.js';
import { Wakeup } from './wakeup.js';
import { openLeadership, type Leadership } from './leadership.js';

/** Where chaos runs end the process (docs/adr/0035). */
const RELAYED = channel('switchhook.store.relayed');
const RELAY_STORED = channel('switchhook.store.relay-position-stored');

export interface RelayOptions {
  readonly database: DataSource;
  readonly store: EventStore;
  readonly schema: string;
  /** Identity of the log that `publish` writes to. Another one starts anew and is told everything. */
  readonly identity: string;
  /** Appends what the events mean to the log, in order; resolves when that is durable. A rejection is retried. */
  readonly publish: (events: readonly StoredEvent[]) => Promise<void>;
  readonly log: (line: string) => void;
  /** The net under the notifications; default 5,000. */
  readonly pollMs?: number;
}

/** Carries the events of a store to the log. Of all that run on one schema, one is active, the others stand by. */
export interface Relay {
  /** Looks for new events now. */
  wake(): void;
  /** Resolves when the event at `position` is on the log, whoever brought it there; rejects when the relay is closed. */
  relayed(position: number): Promise<void>;
  /** Finishes the batch under way and stops. */
  close(): Promise<void>;
}

const BATCH_EVENTS = 500;
const STANDBY_MS = 1_000;
/** How often a relay that stands by looks at the checkpoint while somebody waits for it. */
const WATCH_MS = 25;
const RETRY_MS = { first: 100, most: 5_000 } as const;

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Starts carrying at once, in the background; what fails (database or log away) is said once and tried again for ever. */
export function startRelay(options: RelayOptions): Relay {
  const loop = new RelayLoop(options);
  const ended = loop.run();
  return {
    wake: () => loop.wakeup.wake(),
    relayed: (position) => loop.waitFor(position),
    close: async () => {
      loop.stop();
      await ended;
    },
  };
}

class RelayLoop {
  readonly wakeup = new Wakeup();
  private readonly key: CheckpointKey;
  private closed = false;
  private waiters: Waiter[] = [];
  /** The next position to relay, as far as this process knows. */
  private next = 0;
  private failures = 0;

  constructor(private readonly options: RelayOptions) {
    const { schema, identity } = options;
    this.key = { schema, consumer: 'relay', identity, topic: 'events', partition: 0 };
  }

  waitFor(position: number): Promise<void> {
    if (position < this.next) return Promise.resolve();
    if (this.closed) return Promise.reject(new Error('The relay is closed'));
    this.wakeup.wake();
    return new Promise((resolve, reject) => this.waiters.push({ position, resolve, reject }));
  }

  stop(): void {
    this.closed = true;
    this.wakeup.stop();
  }

  async run(): Promise<void> {
    while (!this.closed) {
      await this.tryToLead().catch((error: unknown) => this.failed(error));
    }
    for (const { reject } of this.waiters.splice(0))
      reject(new Error('The relay was closed before the event was relayed'));
  }

  /** Leads until closed or broken when nobody else does; otherwise looks how far the leader is and waits a little. */
  private async tryToLead(): Promise<void> {
    const { database, schema } = this.options;
    const leadership = await openLeadership(database, {
      channel: eventsChannel(schema),
      onNotified: () => this.wakeup.wake(),
    });
    if (!leadership) {
      this.reached((await readCheckpoint(database.manager, this.key)) ?? 0);
      await this.wakeup.wait(this.waiters.length > 0 ? WATCH_MS : STANDBY_MS, this.waiters.length === 0);
      return;
    }
    try {
      await this.lead(leadership);
    } finally {
      await leadership.end();
    }
  }

  private async lead(leadership: Leadership): Promise<void> {
    let stored = await readCheckpoint(leadership.manager, this.key);
    if (stored === null) await this.sayThatTheLogIsAnother(leadership);
    while (!this.closed) {
      this.reached(stored ?? 1);
      const events = await this.options.store.readAll(stored ?? 1, BATCH_EVENTS);
      const last = events.at(-1);
      if (!last) {
        this.failures = 0;
        await this.wakeup.wait(this.options.pollMs ?? 5_000);
        // Proves that the session, and with it the lock, is still there.
        await leadership.manager.query('SELECT 1');
        continue;
      }
      if (!(await this.published(events))) continue;
      RELAYED.publish(undefined);
      // On the lock's own session: who has lost the lock cannot move the checkpoint.
      const to = last.position + 1;
      if (!(await moveCheckpoint(leadership.manager, { ...this.key, from: stored, to }))) {
        throw new Error('another relay has moved the checkpoint');
      }
      RELAY_STORED.publish(undefined);
      stored = to;
    }
  }

  private async published(events: readonly StoredEvent[]): Promise<boolean> {
    try {
      await this.options.publish(events);
      this.failures = 0;
      return true;
    } catch (error) {
      await this.failed(error);
      return false;
    }
  }

  private async failed(error: unknown): Promise<void> {
    if (this.closed) return;
    const words = error instanceof Error ? error.message : String(error);
    if (this.failures === 0) this.options.log(`The relay of ${this.options.schema} events waits: ${words}`);
    const pauseMs = Math.min(RETRY_MS.first * 2 ** this.failures, RETRY_MS.most);
    this.failures += 1;
    await this.wakeup.wait(pauseMs, false);
  }

  private reached(next: number): void {
    this.next = next;
    const done = this.waiters.filter(({ position }) => position < next);
    this.waiters = this.waiters.filter(({ position }) => position >= next);
    for (const { resolve } of done) resolve();
  }

  private async sayThatTheLogIsAnother({ manager }: Leadership): Promise<void> {
    const { schema, identity, log } = this.options;
    const others = await manager.query<{ identity: string }[]>(
      `SELECT identity FROM ${schema}.checkpoints WHERE consumer = $1`,
      [this.key.consumer],
    );
    if (others.length === 0) return;
    const known = others.map((other) => other.identity).join(', ');
    log(`The event log is another one (${identity}; known: ${known}): all ${schema} events are published again`);
  }
}
