import { createDatabase, eventually } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkpointsMigration } from './checkpoints.js';
import { openDatabase } from './database.js';
import type { EventStore, StoredEvent } from './event-store.js';
import { migrate } from './migrate.js';
import { eventsMigration, postgresEventStore } from './postgres-event-store.js';
import { startRelay, type Relay } from './relay.js';

let server: { url: string; drop(): Promise<void> };
let database: DataSource;
let store: EventStore;
let schema: string;
let schemas = 0;
let published: number[];
let lines: string[];
let relays: Relay[];

beforeAll(async () => {
  server = await createDatabase();
  database = await openDatabase({ url: server.url, applicationName: 'relay test', poolSize: 20 });
});

afterAll(async () => {
  await database.destroy();
  await server.drop();
});

beforeEach(async () => {
  schemas += 1;
  schema = `relay${schemas}`;
  await migrate({ url: server.url, schema, migrations: [checkpointsMigration(schema), eventsMigration(schema)] });
  store = postgresEventStore({ database, schema, now: Date.now });
  published = [];
  lines = [];
  relays = [];
});

afterEach(() => Promise.all(relays.map((relay) => relay.close())));

const publish = async (events: readonly StoredEvent[]): Promise<void> => {
  published.push(...events.map(({ position }) => position));
};

function relayWith(changes: { identity?: string; publish?: typeof publish } = {}): Relay {
  const relay = startRelay({
    database,
    store,
    schema,
    identity: 'log-1',
    publish,
    log: (line) => lines.push(line),
    pollMs: 60_000,
    ...changes,
  });
  relays.push(relay);
  return relay;
}

async function append(count: number): Promise<number> {
  const version = (await store.readStream('a')).length;
  const events = Array.from({ length: count }, () => ({ type: 'fact', data: {} }));
  return (await store.append('a', version, events)).position;
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

describe('relay', () => {
  it('publishes in commit order, at once after an append, and says when an event is on the log', async () => {
    await append(3);
    const relay = relayWith();
    await relay.relayed(3);
    expect(published).toEqual([1, 2, 3]);
    const begun = performance.now();
    await relay.relayed(await append(1_200));
    expect(published).toEqual(upTo(1_203));
    // The poll that catches lost notifications is a minute away.
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('is woken by an append of another process', async () => {
    relayWith();
    await eventually(async () => expect(await lockHolders()).toBe(1));
    await append(1);
    await eventually(() => expect(published).toEqual([1]));
  });

  it('goes on where the last one stopped', async () => {
    await append(2);
    const first = relayWith();
    await first.relayed(2);
    await first.close();
    await append(1);
    await relayWith().relayed(3);
    expect(published).toEqual([1, 2, 3]);
  });

  it('publishes again, in order, what was published when it broke before the position was stored', async () => {
    await append(2);
    let broken = false;
    const relay = relayWith({
      publish: async (events) => {
        await publish(events);
        if (broken) return;
        broken = true;
        await endSessionOfLeader();
      },
    });
    await relay.relayed(await append(1));
    const before = published.indexOf(1, 1);
    expect(before).toBeGreaterThan(0);
    expect(published.slice(before)).toEqual([1, 2, 3]);
  });

  it('keeps trying in order while the log is away, and says so once', async () => {
    await append(2);
    let failures = 0;
    const relay = relayWith({
      publish: async (events) => {
        failures += 1;
        if (failures <= 3) throw new Error('no broker');
        await publish(events);
      },
    });
    await relay.relayed(2);
    expect(published).toEqual([1, 2]);
    expect(lines).toEqual([`The relay of ${schema} events waits: no broker`]);
  });

  it('publishes everything again when the log is another one, and says so in one line', async () => {
    await append(3);
    const first = relayWith();
    await first.relayed(3);
    await first.close();
    published = [];
    await relayWith({ identity: 'log-2' }).relayed(3);
    expect(published).toEqual([1, 2, 3]);
    expect(lines).toEqual([
      `The event log is another one (log-2; known: log-1): all ${schema} events are published again`,
    ]);
  });

  it('is active once however many run, tells all of them, and is taken over', async () => {
    const [first, second] = [relayWith(), relayWith()];
    await append(5);
    await Promise.all([first?.relayed(5), second?.relayed(5)]);
    expect(published).toEqual(upTo(5));
    await first?.close();
    await second?.relayed(await append(2));
    expect(published).toEqual(upTo(7));
  });

  it('goes on by itself when all its database sessions were ended while it had nothing to do', async () => {
    const relay = relayWith();
    await relay.relayed(await append(1));
    await endAllSessions();
    await eventually(() => append(1));
    await relay.relayed(2);
    expect(published).toEqual([1, 2]);
  });

  it('rejects who still waits when it is closed', async () => {
    const relay = relayWith();
    const waiting = expect(relay.relayed(1)).rejects.toThrow('closed');
    await relay.close();
    await waiting;
  });
});

const lockHolders = async (): Promise<number> => {
  const [row] = await database.query<{ n: number }[]>(
    `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return row?.n ?? 0;
};

/** As a restart of the server does, but for the session that says so. */
async function endAllSessions(): Promise<void> {
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
}

async function endSessionOfLeader(): Promise<void> {
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
}
