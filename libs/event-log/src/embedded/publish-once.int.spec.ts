import { createDatabase } from '@switchhook/testing';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import type { EventLog, NamedRecord, Place } from '../event-log.js';
import { CuttingProxy } from '../testing/cutting-proxy.js';
import { INPUT, numbered, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { openEmbeddedLog } from './embedded-log.js';
import type { NameTable, NamedPlace } from './name-table.js';

/** The smallest table that keeps the promises of `NameTable`. */
class Names implements NameTable {
  readonly id = 'spec-names';
  readonly parameterCount = 1;
  readonly told: NamedPlace[] = [];

  constructor(private readonly admin: Client) {}

  insert(first: number): string {
    return `INSERT INTO names SELECT unnest($${first}::uuid[]) ON CONFLICT DO NOTHING RETURNING 1`;
  }

  values(named: readonly NamedPlace[]): unknown[] {
    return [named.map(({ name }) => name).sort()];
  }

  async taken(names: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.admin.query<{ name: string }>('SELECT name FROM names WHERE name = ANY($1)', [names]);
    return new Set(rows.map(({ name }) => name));
  }

  given(named: readonly NamedPlace[]): void {
    this.told.push(...named);
  }
}

interface Fixture {
  readonly publishOnce: (...names: string[]) => Promise<(Place | undefined)[]>;
  readonly log: EventLog;
  readonly names: Names;
  readonly proxy: CuttingProxy;
  readonly stored: () => Promise<string[]>;
}

const withNames = (test: (fixture: Fixture) => Promise<void>) => async (): Promise<void> => {
  const database = await createDatabase();
  const proxy = new CuttingProxy(new URL(database.url));
  const log = openEmbeddedLog({ databaseUrl: await proxy.listen(), logger: silentLogger, partitions: 1 });
  const admin = new Client({ connectionString: database.url });
  try {
    await admin.connect();
    await admin.query('CREATE TABLE names (name uuid PRIMARY KEY)');
    await log.start();
    const names = new Names(admin);
    const publishOnce = (...wanted: string[]): Promise<(Place | undefined)[]> => {
      const records = wanted.map((name): NamedRecord => ({ name, record: numbered(INPUT, name, 0) }));
      return log.publishOnce!(records, names);
    };
    const stored = async (): Promise<string[]> => {
      const { rows } = await admin.query<{ key: string; position: string }>(
        `SELECT convert_from(key, 'UTF8') AS key, position FROM log.records ORDER BY position`,
      );
      expect(rows.map(({ position }) => Number(position))).toEqual(upTo(rows.length));
      return rows.map(({ key }) => key);
    };
    await test({ publishOnce, log, names, proxy, stored });
  } finally {
    await log.close();
    await admin.end();
    proxy.close();
    await database.drop();
  }
};

const someNames = (count: number): string[] => upTo(count).map(() => randomUUID());

it(
  'appends a record whose name is free, and gives it the name with its place',
  withNames(async ({ publishOnce, names, stored }) => {
    const [one, two] = someNames(2) as [string, string];
    expect(await publishOnce(one, two)).toEqual([
      { topic: INPUT, partition: 0, position: 0 },
      { topic: INPUT, partition: 0, position: 1 },
    ]);
    expect(await stored()).toEqual([one, two]);
    expect(names.told).toEqual([
      { name: one, partition: 0, position: 0 },
      { name: two, partition: 0, position: 1 },
    ]);
  }),
);

it(
  'leaves out what was appended before, also earlier in the same call, and leaves no gap',
  withNames(async ({ publishOnce, log, stored }) => {
    const [one, two, three] = someNames(3) as [string, string, string];
    await publishOnce(one);
    const places = await publishOnce(two, one, two, three);
    expect(places.map((place) => place?.position)).toEqual([1, undefined, undefined, 2]);
    await log.publish([numbered(INPUT, 'without a name', 0)]);
    expect(await stored()).toEqual([one, two, three, 'without a name']);
    expect(await publishOnce(one, two)).toEqual([undefined, undefined]);
  }),
);

it(
  'gives each name once when many ask for the same ones at the same time',
  withNames(async ({ publishOnce, stored }) => {
    const names = someNames(20);
    const calls = upTo(30).map((call) => publishOnce(...names.slice(call % 10), ...names.slice(0, call % 10)));
    const places = (await Promise.all(calls)).flat();
    expect(places.filter((place) => place !== undefined)).toHaveLength(20);
    expect((await stored()).sort()).toEqual([...names].sort());
  }),
);

for (const mode of ['lose-answer', 'lose-request'] as const) {
  it(
    `neither loses nor repeats a record when a connection breaks in the commit (${mode})`,
    withNames(async ({ publishOnce, proxy, stored }) => {
      const names = someNames(20);
      for (const [index, name] of names.entries()) {
        if (index % 5 === 2) proxy.mode = mode;
        expect((await publishOnce(name))[0]?.position, name).toBe(index);
      }
      expect(proxy.cuts).toBeGreaterThan(2);
      expect(await stored()).toEqual(names);
    }),
  );
}
