import { setImmediate as nextTick } from 'node:timers/promises';
import { eventually } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { idsFixture } from './delivery.fixture.js';
import { WEBHOOK, placed, releaserOf, rowOf } from './release.fixture.js';
import type { ScheduleRow } from './schedule-row.js';

const { deliveryId } = idsFixture(1);

describe('a row that the projection replaces while rows are looked up', () => {
  it('is requested as it is now, and takes no room as what it was: in the order of a subject', async () => {
    const rows = [placed(1, 0)];
    let lookUps = 0;
    const { releaser, requested } = releaserOf({
      order: { handles: () => true, next: async () => rows.splice(0) },
      schedule: {
        parkedWithoutPlace: async () => {
          await nextTick();
          lookUps += 1;
          if (lookUps > 1) return [];
          releaser.changed(0, [{ kind: 'put', row: placed(1, 1) }]);
          expect(releaser.releasedIds()).toEqual([]);
          return [];
        },
      },
    });
    await releaser.assign(0);
    await eventually(() => expect(lookUps).toBeGreaterThan(1));
    expect(requested()).toEqual([]);
    expect(releaser.releasedIds()).toEqual([]);
    rows.push(placed(1, 1));
    releaser.wake();
    await eventually(() => expect(requested()).toEqual([{ deliveryId, deferrals: 1 }]));
    await releaser.close();
  });

  it.each(['parked', 'due'] as const)(
    'is requested as it is now, and takes no room as what it was: %s',
    async (from) => {
      let table = [rowOf(1, 0)];
      const look = async (released: readonly string[]) => {
        await nextTick();
        const found = table.filter(({ ids }) => !released.includes(ids.deliveryId));
        if (table[0]?.ids.deferrals === 0) {
          table = [rowOf(1, 1)];
          releaser.changed(0, [{ kind: 'put', row: rowOf(1, 1) }]);
        }
        return found;
      };
      const { releaser, requested } = releaserOf({
        schedule:
          from === 'due'
            ? { due: async ({ released }) => look(released) }
            : { parked: async (_partition, _webhookId, released) => look(released) },
      });
      await releaser.assign(0);
      await eventually(() => expect(requested()).toHaveLength(1));
      expect(requested()).toEqual([{ deliveryId, deferrals: 1 }]);
      await releaser.close();
    },
  );
});

it('a partition that goes away takes the room of its released rows with it', async () => {
  const { releaser, requested } = releaserOf({
    schedule: { due: async ({ released }) => [rowOf(1, 0)].filter(({ ids }) => !released.includes(ids.deliveryId)) },
  });
  await releaser.assign(0);
  await eventually(() => expect(requested()).toHaveLength(1));
  expect(releaser.releasedIds()).toEqual([deliveryId]);
  releaser.revoke(0);
  expect(releaser.releasedIds()).toEqual([]);
  await releaser.close();
});

it('what is parked while a look finds nothing of its webhook is released, too', async () => {
  let table: ScheduleRow[] = [];
  let looks = 0;
  const { releaser, requested } = releaserOf({
    schedule: {
      parked: async (_partition, _webhookId, released) => {
        const found = table.filter(({ ids }) => !released.includes(ids.deliveryId));
        await nextTick();
        looks += 1;
        // Its row was not there yet when the table was read, and is known here before the answer.
        if (looks === 1) {
          table = [rowOf(1, 1)];
          releaser.changed(0, [{ kind: 'put', row: rowOf(1, 1) }]);
        }
        return found;
      },
    },
  });
  await releaser.assign(0);
  await eventually(() => expect(requested()).toEqual([{ deliveryId, deferrals: 1 }]));
  await releaser.close();
});

it.each([true, false])(
  'a webhook of which nothing is found is drained unless a row is to come: %s',
  async (isToCome) => {
    const { releaser, drained } = releaserOf({ isRowToCome: () => isToCome });
    await releaser.assign(0);
    for (let turn = 0; turn < 10; turn++) await nextTick();
    expect(drained).toEqual(isToCome ? [] : [WEBHOOK.id]);
    expect(releaser.parkedWebhooks()).toHaveLength(isToCome ? 1 : 0);
    await releaser.close();
  },
);

it('what could not be parked for certain has not lost its turn, and is known to be parked', async () => {
  const offered: string[] = [];
  let tries = 0;
  const { releaser } = releaserOf({
    room: () => 0,
    onError: () => undefined,
    order: { again: (_webhookId, subject) => offered.push(subject) },
    schedule: {
      due: async () => (tries === 0 ? [placed(1, 0)] : []),
      parkedWebhooks: async () => [],
      park: async () => {
        tries += 1;
        throw new Error('the connection broke');
      },
    },
  });
  await releaser.assign(0);
  await eventually(() => expect(tries).toBe(1));
  expect(offered).toEqual(['call-1']);
  expect(releaser.parkedWebhooks()).toEqual([{ partition: 0, webhookId: WEBHOOK.id }]);
  await releaser.close();
});

it('what a former owner has parked, after the partition was taken over, is found at the next look for it', async () => {
  let table: ScheduleRow[] = [];
  const { releaser, requested } = releaserOf({
    schedule: {
      parkedWebhooks: async () => table.map(({ ids }) => ids.webhookId),
      parked: async (_partition, _webhookId, released) => table.filter(({ ids }) => !released.includes(ids.deliveryId)),
    },
  });
  await releaser.assign(0);
  table = [rowOf(1, 1)];
  await releaser.findParked();
  await eventually(() => expect(requested()).toEqual([{ deliveryId, deferrals: 1 }]));
  await releaser.close();
});

it.each(['due', 'parked'] as const)(
  'rows of a partition that went away while they were looked up are left alone: %s',
  async (from) => {
    const parked: ScheduleRow[] = [];
    const look = async () => {
      await nextTick();
      releaser.revoke(0);
      return [rowOf(1, 0)];
    };
    const { releaser, requested } = releaserOf({
      room: () => (from === 'due' ? 0 : 100),
      schedule: { [from]: look, park: async (rows) => void parked.push(...rows) },
    });
    await releaser.assign(0);
    for (let turn = 0; turn < 10; turn++) await nextTick();
    expect([parked, requested()]).toEqual([[], []]);
    await releaser.close();
  },
);

describe('looks at the table', () => {
  async function counting(room: number) {
    const looks: number[] = [];
    const { releaser } = releaserOf({ room: () => room, schedule: { due: async () => (looks.push(1), []) } });
    await releaser.assign(0);
    await eventually(() => expect(looks).toHaveLength(1));
    for (let turn = 0; turn < 10; turn++) await nextTick();
    return { releaser, looks };
  }

  it('not for what has no room yet, nor for what is due much later', async () => {
    const { releaser, looks } = await counting(0);
    releaser.changed(0, [{ kind: 'put', row: rowOf(1, 1) }]);
    releaser.changed(0, [{ kind: 'put', row: rowOf(2, 0, { dueAt: 60_000 }) }]);
    releaser.changed(0, [{ kind: 'remove', webhookId: WEBHOOK.id, deliveryId, run: 0 }]);
    for (let turn = 0; turn < 10; turn++) await nextTick();
    expect(looks).toHaveLength(1);
    await releaser.close();
  });

  it('at once for what is parked and has room', async () => {
    const { releaser, looks } = await counting(1);
    releaser.changed(0, [{ kind: 'put', row: rowOf(1, 1) }]);
    await eventually(() => expect(looks.length).toBeGreaterThan(1));
    await releaser.close();
  });

  it('when a row is due that was stored since the last look', async () => {
    const { releaser, looks } = await counting(0);
    releaser.changed(0, [{ kind: 'put', row: rowOf(1, 0, { dueAt: 1_005 }) }]);
    await eventually(() => expect(looks.length).toBeGreaterThan(1), { timeoutMs: 1_000 });
    await releaser.close();
  });
});
