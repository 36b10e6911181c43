import { expect, it } from 'vitest';
import { EVENTS, KEYS, answer, texts, untilHandled, withLog } from '../testing/hops.js';
import { INPUT, OUTPUT, numbered, upTo } from '../testing/records.js';
import { silentLogger } from '../testing/silent-logger.js';
import { waitUntil } from '../testing/wait-until.js';
import { openEmbeddedLog } from './embedded-log.js';

for (const mode of ['lose-answer', 'lose-request'] as const) {
  it(
    `neither loses nor repeats anything when a connection breaks in the commit (${mode})`,
    withLog(async (fixture) => {
      const { log, proxy, hop, stored, ahead } = fixture;
      await hop(EVENTS, INPUT);
      await hop(INPUT, OUTPUT);
      const rounds = 20;
      for (const round of upTo(rounds)) {
        if (round % 5 === 2) proxy.mode = mode;
        await log.publish(KEYS.map((key) => numbered(EVENTS, key, round)));
      }
      await untilHandled(fixture, 2 * rounds * KEYS.length);
      const wanted = upTo(rounds)
        .flatMap((round) => KEYS.map((key) => `${key} ${round}`))
        .sort();
      await waitUntil(
        async () => (await stored(OUTPUT)).length >= wanted.length,
        () => 'all outputs',
      );
      for (const topic of [EVENTS, INPUT, OUTPUT]) expect(texts(await stored(topic)), topic).toEqual(wanted);
      expect(proxy.cuts).toBeGreaterThan(2);
      expect(ahead.length).toBeGreaterThan(0);
    }),
  );
}

it(
  'begins again at what is there when the database is set back in the commit',
  withLog(async ({ log, proxy, admin, hop, stored, ahead }) => {
    await hop(INPUT, OUTPUT);
    await log.publish(
      KEYS.map((key) => numbered(INPUT, key, 0)),
      { flush: false },
    );
    expect(ahead).toHaveLength(KEYS.length);
    proxy.mode = 'refuse';
    proxy.cut();
    const waiting = log.publish(KEYS.map((key) => numbered(INPUT, key, 1)));
    const refused = expect(waiting).rejects.toThrow();
    await admin.query('DELETE FROM log.records');
    await admin.query('UPDATE log.offsets SET position = 0');
    proxy.mode = 'pass';
    await refused;
    await log.publish(KEYS.map((key) => numbered(INPUT, key, 2)));
    await waitUntil(
      async () => (await stored(OUTPUT)).length >= KEYS.length,
      () => 'the outputs of what is there',
    );
    expect(texts(await stored(OUTPUT))).toEqual(KEYS.map((key) => `${key} 2`));
  }),
);

for (const [what, output] of [
  ['refuses', numbered(OUTPUT, 'refused', 0)],
  ['would refuse for its size', { ...numbered(OUTPUT, 'one key', 0), value: Buffer.alloc(8_000_000) }],
] as const) {
  it(
    `a record is there although the log ${what} what a group made of it, which is then asked again`,
    withLog(async (fixture) => {
      const { log, admin, hop, stored } = fixture;
      await admin.query(
        `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON log.records FOR EACH ROW WHEN (NEW.key = 'refused') EXECUTE FUNCTION refuse()`,
      );
      await hop(INPUT, OUTPUT, {
        ahead: ({ records }) => ({ outputs: [output], appended: () => void fixture.ahead.push(...records) }),
      });
      await log.publish([numbered(INPUT, 'one key', 0)]);
      expect(texts(await stored(INPUT))).toEqual(['one key 0']);
      await untilHandled(fixture, 1);
      await waitUntil(
        async () => (await stored(OUTPUT)).length === 1,
        () => 'the output',
      );
      expect(texts(await stored(OUTPUT))).toEqual(['one key 0']);
      expect([fixture.ahead.length, fixture.usual.length]).toEqual([0, 1]);
    }),
  );
}

it(
  'what is appended while a group reads what lies before it from the database comes after that',
  withLog(async ({ log, databaseUrl, stored, ahead }) => {
    await log.publish(upTo(50).map((number) => numbered(INPUT, 'one key', number)));
    await log.close();
    const again = openEmbeddedLog({ databaseUrl, logger: silentLogger });
    await again.start();
    const consumer = await again.consume({
      group: 'behind',
      topics: [INPUT],
      ahead: ({ records }) => ({ outputs: records.map(answer(OUTPUT)), appended: () => void ahead.push(...records) }),
      handle: async ({ records }) => records.map(answer(OUTPUT)),
    });
    for (const number of upTo(50)) await again.publish([numbered(INPUT, 'one key', 50 + number)]);
    await waitUntil(
      async () => (await stored(OUTPUT)).length >= 100,
      () => 'all outputs',
    );
    await consumer.close();
    await again.close();
    expect((await stored(OUTPUT)).map(({ text }) => text)).toEqual(upTo(100).map((number) => `one key ${number}`));
  }),
);

it(
  'members come and go, and whoever comes next begins behind what was handled ahead',
  withLog(async (fixture) => {
    const { log, hop, stored } = fixture;
    const rounds = 120;
    let published = 0;
    const publish = async (key: string, round: number): Promise<void> => {
      await log.publish([numbered(INPUT, key, round)]);
      published += 1;
    };
    let member = await hop(INPUT, OUTPUT);
    // One by one, so that some are handled ahead: a machine that is slow enough never comes to it below.
    const [quietly, quickly] = [upTo(rounds).slice(0, 5), upTo(rounds).slice(5)];
    for (const round of quietly)
      for (const key of KEYS) {
        await publish(key, round);
        await untilHandled(fixture, published);
      }
    const publishing = Promise.all(
      KEYS.map(async (key) => {
        for (const round of quickly) await publish(key, round);
      }),
    );
    for (let goal = 100; goal < rounds * KEYS.length; goal += 100) {
      await waitUntil(
        () => published >= goal,
        () => `${published} published`,
      );
      const next = goal % 200 === 0 ? await hop(INPUT, OUTPUT) : undefined;
      await member.close();
      member = next ?? (await hop(INPUT, OUTPUT));
    }
    await publishing;
    await untilHandled(fixture, rounds * KEYS.length);
    await waitUntil(
      async () => (await stored(OUTPUT)).length >= rounds * KEYS.length,
      () => 'all outputs',
    );
    const byKey = new Map(KEYS.map((key): [string, string[]] => [key, []]));
    for (const { text } of await stored(OUTPUT)) byKey.get(text.split(' ')[0]!)!.push(text);
    for (const [key, found] of byKey) expect(found).toEqual(upTo(rounds).map((round) => `${key} ${round}`));
    expect(fixture.ahead.length).toBeGreaterThan(0);
  }),
);
