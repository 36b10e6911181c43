import { createDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointsMigration } from './checkpoints.js';
import { openDatabase } from './database.js';
import { describeEventStore } from './event-store.conformance.js';
import type { EventStore, StoredEvent } from './event-store.js';
import { migrate } from './migrate.js';
import { eventsMigration, postgresEventStore } from './postgres-event-store.js';

let server: { url: string; drop(): Promise<void> };
let database: DataSource;
let schemas = 0;

beforeAll(async () => {
  server = await createDatabase();
  database = await openDatabase({ url: server.url, applicationName: 'event-store test', poolSize: 20 });
});

afterAll(async () => {
  await database.destroy();
  await server.drop();
});

async function newStore(): Promise<EventStore> {
  schemas += 1;
  const schema = `store${schemas}`;
  await migrate({ url: server.url, schema, migrations: [checkpointsMigration(schema), eventsMigration(schema)] });
  return postgresEventStore({ database, schema, now: () => 1_700_000_000_000 });
}

describeEventStore('Postgres', newStore);

describe('event store on Postgres, while others are committing', () => {
  it('never lets a reader that goes on from its last position skip an event', async () => {
    const store = await newStore();
    const writers = 12;
    const appends = 15;
    let writing = true;
    const write = async (writer: number): Promise<void> => {
      for (let version = 0; version < appends; version += 1) {
        await database.transaction(async (tx) => {
          await store.append(`stream ${writer}`, version, [{ type: 'fact', data: { writer, version } }], tx);
          // Commits in another order than the appends began, if the store lets it.
          await tx.query('SELECT pg_sleep($1)', [((writer * 7 + version * 3) % 5) / 1_000]);
        });
      }
    };
    const seen: StoredEvent[] = [];
    const read = async (): Promise<void> => {
      // Ends with a read that began after the last commit and found nothing.
      for (let more = true, isOver = false; more || !isOver;) {
        isOver = !writing;
        const events = await store.readAll((seen.at(-1)?.position ?? 0) + 1, 7);
        seen.push(...events);
        more = events.length > 0;
      }
    };
    const reader = read();
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    writing = false;
    await reader;

    expect(seen.map(({ position }) => position)).toEqual(Array.from({ length: writers * appends }, (_, n) => n + 1));
    for (let writer = 0; writer < writers; writer += 1) {
      const versions = seen.filter(({ streamId }) => streamId === `stream ${writer}`).map(({ version }) => version);
      expect(versions).toEqual(Array.from({ length: appends }, (_, n) => n + 1));
    }
  });

  it('appends nothing, and leaves no gap, when the transaction around it is rolled back', async () => {
    const store = await newStore();
    const rolledBack = database.transaction(async (tx) => {
      await store.append('a', 0, [{ type: 'lost', data: {} }], tx);
      throw new Error('changed my mind');
    });
    await expect(rolledBack).rejects.toThrow('changed my mind');
    expect(await store.append('a', 0, [{ type: 'kept', data: {} }])).toEqual({ version: 1, position: 1 });
  });
});
