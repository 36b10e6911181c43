import type { Client } from 'pg';
import { expect, it } from 'vitest';
import type { Ahead, AheadBatch, LogRecord, Place } from '../event-log.js';
import { EVENTS, answer, texts, untilHandled, withLog } from '../testing/hops.js';
import { INPUT, OUTPUT, keyOf, numbered, sequenceOf, upTo } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { NameTable } from './name-table.js';

it(
  'an event, what it causes, what that causes, and the progress of both groups are one transaction',
  withLog(async (fixture) => {
    const { log, admin, hop, stored, ahead } = fixture;
    await hop(EVENTS, INPUT);
    await hop(INPUT, OUTPUT);
    await log.publish([numbered(EVENTS, 'one key', 0)]);
    const all = [...(await stored(EVENTS)), ...(await stored(INPUT)), ...(await stored(OUTPUT))];
    expect(all.map(({ text }) => text)).toEqual(['one key 0', 'one key 0', 'one key 0']);
    expect(new Set(all.map(({ transaction }) => transaction)).size).toBe(1);
    expect(ahead.map(({ topic }) => topic)).toEqual([EVENTS, INPUT]);
    const { rows } = await admin.query(
      `SELECT group_name, position FROM log.offsets WHERE xmin::text = $1 AND position > 0 ORDER BY group_name`,
      [all[0]!.transaction],
    );
    expect(rows).toEqual([
      { group_name: 'from deliveries.requested.v1', position: '1' },
      { group_name: 'from events.v1', position: '1' },
    ]);
  }),
);

it(
  'nobody is told of any of it before all of it is there',
  withLog(async ({ log, hop, stored }) => {
    const seen: string[] = [];
    const look = async (records: readonly LogRecord[]): Promise<void> => {
      for (const record of records) seen.push(`${keyOf(record)} ${sequenceOf(record)}`);
      expect(texts(await stored(OUTPUT))).toEqual(expect.arrayContaining(seen));
    };
    await hop(INPUT, OUTPUT, {
      ahead: ({ records }) => ({ outputs: records.map(answer(OUTPUT)), appended: () => expect(seen).toEqual([]) }),
    });
    const follower = await log.follow(OUTPUT, look);
    await log.publish([numbered(INPUT, 'one key', 0)]);
    await waitUntil(
      () => seen.length === 1,
      () => 'the output is handed on',
    );
    await follower.close();
  }),
);

it(
  'what stands behind a record that is being handled waits for it',
  withLog(async (fixture) => {
    const { log, hop, stored, ahead, usual } = fixture;
    const first = Promise.withResolvers<void>();
    await hop(INPUT, OUTPUT, {
      ahead: (batch) => (sequenceOf(batch.records[0]!) === 0 ? undefined : taking(batch)),
      handle: async ({ records }) => {
        await first.promise;
        usual.push(...records);
        return records.map(answer(OUTPUT));
      },
    });
    const taking = ({ records }: AheadBatch): Ahead => ({
      outputs: records.map(answer(OUTPUT)),
      appended: () => void ahead.push(...records),
    });
    await log.publish([numbered(INPUT, 'one key', 0)]);
    await log.publish([numbered(INPUT, 'one key', 1)]);
    expect(await stored(OUTPUT)).toEqual([]);
    first.resolve();
    await untilHandled(fixture, 2);
    await waitUntil(
      async () => (await stored(OUTPUT)).length === 2,
      () => 'both outputs',
    );
    expect((await stored(OUTPUT)).map(({ text }) => text)).toEqual(['one key 0', 'one key 1']);
    expect(ahead).toEqual([]);
    await log.publish([numbered(INPUT, 'one key', 2)]);
    expect(ahead.map(sequenceOf), 'and when all is done, it is done ahead again').toEqual([2]);
  }),
);

it(
  'records whose names are taken cause nothing; the others cause it as usual',
  withLog(async (fixture) => {
    const { log, admin, hop, stored } = fixture;
    await admin.query('CREATE TABLE names (name text PRIMARY KEY)');
    const areNamed: boolean[] = [];
    await hop(INPUT, OUTPUT, {
      ahead: (batch) => {
        areNamed.push(batch.areNamed);
        return {
          outputs: batch.records.map(answer(OUTPUT)),
          appended: () => void fixture.ahead.push(...batch.records),
        };
      },
    });
    const publish = (...names: string[]) =>
      log.publishOnce!(
        names.map((name) => ({ name, record: numbered(INPUT, name, 0) })),
        namesIn(admin),
      );
    const places = await publish('a', 'b');
    expect(fixture.ahead.map(keyOf).sort()).toEqual(['a', 'b']);
    const progress = await admin.query(
      `SELECT partition, position::int FROM log.offsets WHERE position > 0 ORDER BY partition`,
    );
    expect(progress.rows, 'stored with them').toEqual(nextOf(places));
    await publish('b', 'c');
    await untilHandled(fixture, 3);
    await waitUntil(
      async () => (await stored(OUTPUT)).length >= 3,
      () => 'all outputs',
    );
    expect(texts(await stored(OUTPUT))).toEqual(['a 0', 'b 0', 'c 0']);
    expect(fixture.usual.map(keyOf)).toEqual(['c']);
    expect(areNamed).not.toContain(false);
    await log.publish([numbered(INPUT, 'd', 0)]);
    expect(areNamed.at(-1)).toBe(false);
  }),
);

/** The next positions after these places, by partition. */
function nextOf(places: readonly (Place | undefined)[]): { partition: number; position: number }[] {
  const next = new Map(places.map((place) => [place!.partition, place!.position + 1]));
  return [...next].map(([partition, position]) => ({ partition, position })).sort((a, b) => a.partition - b.partition);
}

const namesIn = (admin: Client): NameTable => ({
  id: 'spec-names',
  parameterCount: 1,
  insert: (first) => `INSERT INTO names SELECT unnest($${first}::text[]) ON CONFLICT DO NOTHING RETURNING 1`,
  values: (named) => [named.map(({ name }) => name).sort()],
  taken: async (names) => {
    const { rows } = await admin.query<{ name: string }>('SELECT name FROM names WHERE name = ANY($1)', [names]);
    return new Set(rows.map(({ name }) => name));
  },
  given: () => undefined,
});

for (const [first, second] of [
  [OUTPUT, INPUT],
  [INPUT, OUTPUT],
] as const) {
  it(
    `two commits never write to one topic at a time, whether outputs go along in the first or would in the second (${first})`,
    withLog(async (fixture) => {
      const { log, hop, stored } = fixture;
      const consumer = await hop(INPUT, OUTPUT);
      // One waits for the disk and the other does not, so that they are two commits.
      await Promise.all([
        log.publish([numbered(first, 'one key', 0)], { flush: false }),
        log.publish([numbered(second, 'one key', 1)]),
      ]);
      await untilHandled(fixture, 1);
      await waitUntil(
        async () => (await stored(OUTPUT)).length === 2,
        () => 'both outputs',
      );
      await consumer.close();
      expect(texts(await stored(OUTPUT))).toEqual(['one key 0', 'one key 1']);
      expect(log.health()).toEqual({ ok: true });
    }),
  );
}

it(
  'what there is much of is handled as usual: many records, many bytes',
  withLog(async (fixture) => {
    const { log, hop, usual, ahead } = fixture;
    let bytes = 1;
    const consumer = await hop(INPUT, OUTPUT, {
      ahead: ({ records }) => ({
        outputs: records.map((record) => ({ ...answer(OUTPUT)(record), value: Buffer.alloc(bytes) })),
        appended: () => void ahead.push(...records),
      }),
    });
    const publish = async (count: number): Promise<void> => {
      const handled = ahead.length + usual.length;
      await log.publish(upTo(count).map((number) => numbered(INPUT, `key-${number}`, 0)));
      await untilHandled(fixture, handled + count);
      await waitUntil(
        () => consumer.lag()[INPUT] === 0 && consumer.oldestMs()[INPUT] === undefined,
        () => 'all is finished',
      );
    };
    await publish(500);
    expect([ahead.length, usual.length]).toEqual([0, 500]);
    await publish(200);
    expect([ahead.length, usual.length]).toEqual([200, 500]);
    bytes = 300_000;
    await publish(12);
    expect(usual.length, 'four for each of three partitions are too much for one of them').toBeGreaterThan(500);
    await publish(1);
    expect(ahead.length + usual.length).toBe(713);
  }),
);
