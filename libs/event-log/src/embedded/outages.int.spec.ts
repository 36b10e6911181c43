import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, eventually } from '@switchhook/testing';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { LogUnavailableError } from '../errors.js';
import type { Batch, EventLog, LogRecord, OperableLog } from '../event-log.js';
import { CuttingProxy } from '../testing/cutting-proxy.js';
import { INPUT, OUTPUT, keyOf, numbered, sequenceOf, sequencesByKey, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openEmbeddedLog } from './embedded-log.js';

interface Fixture {
  readonly log: OperableLog;
  readonly proxy: CuttingProxy;
  readonly admin: Client;
  readonly databaseUrl: string;
}

const KEYS = upTo(10).map((number) => `key-${number}`);

/** A started log behind a proxy. */
const withProxy = (test: (fixture: Fixture) => Promise<void>) => async (): Promise<void> => {
  const database = await createDatabase();
  const proxy = new CuttingProxy(new URL(database.url));
  const log = openEmbeddedLog({ databaseUrl: await proxy.listen(), logger: silentLogger });
  const admin = new Client({ connectionString: database.url });
  try {
    await admin.connect();
    await log.start();
    await test({ log, proxy, admin, databaseUrl: database.url });
  } finally {
    await log.close();
    await admin.end();
    proxy.close();
    await database.drop();
  }
};

/** Answers each record on INPUT with one on OUTPUT. */
const derive = (log: EventLog): Promise<unknown> =>
  log.consume({
    group: 'deriver',
    topics: [INPUT],
    handle: async ({ records }) => records.map((record) => numbered(OUTPUT, keyOf(record), sequenceOf(record))),
  });

async function stored(admin: Client, topic: string): Promise<string[]> {
  const { rows } = await admin.query<{ text: string }>(
    `SELECT convert_from(value, 'UTF8') AS text FROM log.records r JOIN log.topics t ON t.id = r.topic
     WHERE t.name = $1 ORDER BY partition, position`,
    [topic],
  );
  return rows.map((row) => row.text).sort();
}

const texts = (rounds: number): string[] =>
  upTo(rounds)
    .flatMap((round) => KEYS.map((key) => `${key} ${round}`))
    .sort();

for (const mode of ['lose-answer', 'lose-request'] as const) {
  it(
    `loses and repeats nothing when a connection breaks in a commit (${mode})`,
    withProxy(async ({ log, proxy, admin }) => {
      await derive(log);
      const rounds = 30;
      for (const round of upTo(rounds)) {
        if (round % 5 === 2) proxy.mode = mode;
        await log.publish(KEYS.map((key) => numbered(INPUT, key, round)));
      }
      await waitUntil(
        async () => (await stored(admin, OUTPUT)).length >= KEYS.length * rounds,
        () => 'all outputs are there',
      );
      expect(proxy.cuts).toBeGreaterThan(3);
      expect(await stored(admin, INPUT)).toEqual(texts(rounds));
      expect(await stored(admin, OUTPUT)).toEqual(texts(rounds));
    }),
  );
}

it(
  'refuses a publish within seconds while the database is away, says so, and goes on when it is back',
  withProxy(async ({ log, proxy, admin }) => {
    await derive(log);
    await log.publish(KEYS.map((key) => numbered(INPUT, key, 0)));
    proxy.mode = 'refuse';
    proxy.cut();
    await waitUntil(
      () => !log.health().ok,
      () => 'the loss is noticed',
    );
    const startedAt = performance.now();
    await expect(log.publish([numbered(INPUT, 'lost', 0)])).rejects.toBeInstanceOf(LogUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(6_000);

    proxy.mode = 'pass';
    await log.publish(KEYS.map((key) => numbered(INPUT, key, 1)));
    await waitUntil(
      async () => (await stored(admin, OUTPUT)).length >= KEYS.length * 2,
      () => 'the outputs of both rounds are there',
    );
    expect(await stored(admin, OUTPUT)).toEqual(texts(2));
    expect(log.health()).toEqual({ ok: true });
  }),
);

it(
  'begins again at what is there when the database comes back without its last unflushed commits',
  withProxy(async ({ log, proxy, admin }) => {
    const followed: LogRecord[] = [];
    await derive(log);
    await log.follow(OUTPUT, (records) => void followed.push(...records));
    await log.publish(KEYS.map((key) => numbered(INPUT, key, 0)));
    await waitUntil(
      () => followed.length === KEYS.length,
      () => `${followed.length} outputs`,
    );
    // What a crash of the server does to commits that did not wait for the disk: outputs and progress go together.
    proxy.mode = 'refuse';
    proxy.cut();
    await admin.query(`DELETE FROM log.records WHERE topic = (SELECT id FROM log.topics WHERE name = '${OUTPUT}')`);
    await admin.query(`UPDATE log.offsets SET position = 0`);
    proxy.mode = 'pass';
    await waitUntil(
      async () => (await stored(admin, OUTPUT)).length >= KEYS.length && followed.length >= 2 * KEYS.length,
      () => `derived again; ${followed.length} followed`,
    );
    expect(await stored(admin, OUTPUT)).toEqual(texts(1));
    await log.publish(KEYS.map((key) => numbered(INPUT, key, 1)));
    await waitUntil(
      () => followed.length >= 3 * KEYS.length,
      () => 'the next round is derived',
    );
    for (const [key, numbers] of sequencesByKey(followed)) expect(numbers, key).toEqual([0, 0, 1]);
  }),
);

it(
  'never uses a position again that somebody may have seen, whatever the database has lost, also after a restart',
  withProxy(async ({ log, proxy, admin, databaseUrl }) => {
    const publish = async (to: EventLog, sequence: number): Promise<number> =>
      (await to.publish([numbered(OUTPUT, 'one key', sequence)], { flush: false }))[0]!.position;
    expect([await publish(log, 0), await publish(log, 1), await publish(log, 2)]).toEqual([0, 1, 2]);
    proxy.mode = 'refuse';
    proxy.cut();
    await admin.query('DELETE FROM log.records WHERE position > 0');
    await waitUntil(
      () => !log.health().ok,
      () => 'the loss is noticed',
    );
    proxy.mode = 'pass';
    // Refused once, when the log sees what the database has lost.
    await eventually(() => log.publish([numbered(INPUT, 'one key', 0)]));
    const follower = await log.follow(OUTPUT, () => undefined);
    await follower.caughtUp; // Also where nothing stands before the end.
    await follower.close();
    await log.close();
    const again = openEmbeddedLog({ databaseUrl, logger: silentLogger });
    await again.start();
    const seen: number[] = [];
    const handle = async ({ records }: Batch): Promise<void> => void seen.push(...records.map(sequenceOf));
    await again.consume({ group: 'from the beginning', topics: [OUTPUT], handle });
    expect(await publish(again, 3)).toBe(3);
    await waitUntil(
      () => seen.length === 2,
      () => `${seen.join()} handed on`,
    );
    expect(seen).toEqual([0, 3]);
    await again.close();
  }),
);

it(
  'goes on behind the positions that others have stored, where it is told to',
  withProxy(async ({ log }) => {
    await log.skipTo!([{ topic: OUTPUT, partition: 0, position: 7 }]);
    expect((await log.ends(OUTPUT))[0]).toBe(7);
    const places = await log.publish(KEYS.map((key) => numbered(OUTPUT, key, 0)));
    expect(places.filter(({ partition }) => partition === 0)[0]?.position).toBe(7);
  }),
);

it(
  'tells a second process who has the log',
  withProxy(async ({ databaseUrl }) => {
    const second = openEmbeddedLog({ databaseUrl, logger: silentLogger });
    await expect(second.start()).rejects.toThrow(
      new RegExp(`in use by another process \\(.*process ${process.pid} on .*database session \\d+`),
    );
    await second.close();
  }),
);

it('waits for a database that is not there yet', async () => {
  const database = await createDatabase();
  const proxy = new CuttingProxy(new URL(database.url));
  proxy.mode = 'refuse';
  const log = openEmbeddedLog({ databaseUrl: await proxy.listen(), logger: silentLogger });
  const starting = log.start();
  await sleep(300);
  expect(log.health().ok).toBe(false);
  proxy.mode = 'pass';
  await starting;
  expect(log.health()).toEqual({ ok: true });
  await log.close();
  proxy.close();
  await database.drop();
});
