import { migrate, openDatabase, preparedQueries } from '@switchhook/event-store';
import { createDatabase, eventually, type TestDatabase } from '@switchhook/testing';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AcceptedNames } from './accepted-names.js';
import { AcceptedNames1700000000001 } from './migrations/0001-accepted-names.js';

const HOUR_MS = 3_600_000;
const NOON = 500_000 * HOUR_MS;
const topic = 'events.v1';

describe('accepted names', () => {
  let server: TestDatabase;
  let database: DataSource;

  beforeAll(async () => {
    server = await createDatabase();
    await migrate({ url: server.url, schema: 'ingestion', migrations: [AcceptedNames1700000000001] });
    database = await openDatabase({ url: server.url, applicationName: 'spec', poolSize: 8 });
  });

  afterAll(async () => {
    await database.destroy();
    await server.drop();
  });

  const openNames = (durable = true): Promise<AcceptedNames> =>
    AcceptedNames.open(preparedQueries(database), { identity: `embedded:${randomUUID()}`, topic, durable });

  const batch = (partition: number, events: [string, number][], nowMs = NOON) => ({
    partition,
    finishedBefore: events[0]?.[1] ?? 0,
    events: events.map(([eventKey, position]) => ({ eventKey, position })),
    nowMs,
  });

  it('gives a name to its first event, and again to the same event when it is re-read', async () => {
    const names = await openNames();
    const [a, b] = [randomUUID(), randomUUID()];
    expect(
      await names.accept(
        batch(0, [
          [a, 10],
          [b, 11],
        ]),
      ),
    ).toEqual([true, true]);
    expect(
      await names.accept(
        batch(0, [
          [a, 10],
          [b, 11],
        ]),
      ),
    ).toEqual([true, true]);
  });

  it('refuses the name to another position, another partition and another log', async () => {
    const names = await openNames();
    const [a, fresh] = [randomUUID(), randomUUID()];
    await names.accept(batch(0, [[a, 10]]));
    expect(
      await names.accept(
        batch(0, [
          [a, 12],
          [fresh, 13],
        ]),
      ),
    ).toEqual([false, true]);
    expect(await names.accept(batch(1, [[a, 10]]))).toEqual([false]);
    const replaced = await openNames();
    expect(await replaced.accept(batch(0, [[a, 10]]))).toEqual([false]);
  });

  it('takes the first of several events of one name in a batch, whatever is re-read', async () => {
    const names = await openNames();
    const a = randomUUID();
    expect(
      await names.accept(
        batch(0, [
          [a, 4],
          [a, 5],
        ]),
      ),
    ).toEqual([true, false]);
    expect(await names.accept(batch(0, [[a, 5]]))).toEqual([false]);
    expect(
      await names.accept(
        batch(0, [
          [a, 4],
          [a, 5],
          [randomUUID(), 6],
        ]),
      ),
    ).toEqual([true, false, true]);
  });

  it('accepts each name once when partitions bring the same names at the same moment in any order', async () => {
    const names = await openNames();
    const shared = Array.from({ length: 200 }, () => randomUUID());
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((partition) => {
        const order = partition % 2 === 0 ? shared : shared.toReversed();
        return names
          .accept(
            batch(
              partition,
              order.map((key, position) => [key, position]),
            ),
          )
          .then((accepted) => order.filter((_, place) => accepted[place]));
      }),
    );
    expect(answers.flat().sort()).toEqual(shared.toSorted());
  });

  it('takes names in one order, so that batches which share some wait for each other but never in a circle', async () => {
    const names = await openNames();
    const [low = '', high = ''] = [randomUUID(), randomUUID()].sort();
    const other = database.createQueryRunner();
    const insert = (key: string): Promise<unknown> =>
      other.query('INSERT INTO ingestion.accepted_names VALUES ($1, 0, 0, 0, 999999)', [key]);
    await other.startTransaction();
    await insert(low);
    const waiting = names.accept(
      batch(0, [
        [high, 1],
        [low, 2],
      ]),
    );
    await eventually(async () => {
      const [row] = await database.query<{ count: string }[]>(
        `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return row?.count === '1';
    });
    await insert(high);
    await other.commitTransaction();
    await other.release();
    expect(await waiting).toEqual([false, false]);
  });

  it('knows names, and forgets only those given more than the kept hours ago', async () => {
    const names = await openNames();
    const old = Array.from({ length: 1_200 }, () => randomUUID());
    const young = randomUUID();
    await names.accept(
      batch(
        0,
        old.map((key, position) => [key, position]),
        NOON - 26 * HOUR_MS,
      ),
    );
    await names.accept(batch(0, [[young, 2_000]], NOON - 25 * HOUR_MS));
    expect(await names.known([old[0]!, young, randomUUID()])).toEqual(new Set([old[0], young]));
    expect(await names.deleteOld(NOON, 25)).toBe(1_200);
    expect(await names.known([...old, young])).toEqual(new Set([young]));
  });

  it('keeps beside the names how far a partition is worked off, per log, and never moves it back', async () => {
    const names = await openNames();
    expect(await names.loadWatermark(3)).toBe(0);
    await names.accept(batch(3, [[randomUUID(), 70]], NOON));
    await names.accept(batch(3, [[randomUUID(), 60]], NOON + 5_000));
    await names.loadWatermark(3);
    expect(names.watermark(3)).toBe(70);
    expect(await (await openNames()).loadWatermark(3)).toBe(0);
  });

  it('waits for the disk or not, as the log asks', async () => {
    // Seen by a trigger inside the statement's own transaction, and back to the server's default after it.
    await database.query(`CREATE TABLE public.seen (setting text)`);
    await database.query(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`);
    await database.query(`CREATE CONSTRAINT TRIGGER note AFTER INSERT ON ingestion.accepted_names
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.note()`);
    const settings = async (durable: boolean): Promise<unknown> => {
      await database.query('TRUNCATE public.seen');
      await (await openNames(durable)).accept(batch(0, [[randomUUID(), 1]]));
      return database.query('SELECT setting FROM public.seen');
    };
    expect(await settings(false)).toEqual([{ setting: 'off' }]);
    expect(await settings(true)).toEqual([{ setting: 'on' }]);
    await database.query('DROP TRIGGER note ON ingestion.accepted_names');
  });
});
