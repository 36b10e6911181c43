import { setImmediate as nextTick } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { idsFixture } from './delivery.fixture.js';
import type { Releaser } from './release.js';
import { WEBHOOK, placed, releaserOf, rowOf } from './release.fixture.js';
import type { ScheduleRow } from './schedule-row.js';

const { deliveryId } = idsFixture(1);

describe('a webhook of which all was found that may be requested', () => {
  /** `looks` are the looks for its parked rows, each of which does `meanwhile`. */
  async function inOrder(meanwhile: (releaser: Releaser, looks: number) => ScheduleRow[] = () => []) {
    const at = { looks: 0, dueLooks: 0 };
    const table = { due: [] as ScheduleRow[], parked: 0, room: 100 };
    const errors: unknown[] = [];
    const { releaser } = releaserOf({
      order: { handles: () => true },
      room: () => table.room,
      schedule: {
        due: async () => ((at.dueLooks += 1), table.due.splice(0)),
        park: async (rows) => void (table.parked += rows.length),
        parkedWithoutPlace: async () => {
          await nextTick();
          at.looks += 1;
          return meanwhile(releaser, at.looks);
        },
      },
      publish: () => Promise.reject(new Error('the log is away')),
      onError: (error) => errors.push(error),
    });
    await releaser.assign(0);
    await settled();
    return { releaser, at, errors, table };
  }

  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await nextTick();
  };

  it('is not looked at again because its lane becomes shorter', async () => {
    const { releaser, at } = await inOrder();
    expect(at).toEqual({ looks: 1, dueLooks: 1 });
    for (let call = 0; call < 5; call++) {
      releaser.roomFor(WEBHOOK.id);
      await settled();
    }
    expect(at).toEqual({ looks: 1, dueLooks: 1 });
    // Nor because something else is looked for.
    releaser.changed(0, [{ kind: 'put', row: rowOf(2, 0, { ids: idsFixture(2, { webhookId: 2 }) }) }]);
    await settled();
    expect(at).toEqual({ looks: 2, dueLooks: 2 });
    await releaser.close();
  });

  it.each<[string, (releaser: Releaser) => void]>([
    ['a subject has its turn', (releaser) => releaser.readyFor(WEBHOOK.id)],
    ['a row is stored', (releaser) => releaser.changed(0, [{ kind: 'put', row: placed(1, 1) }])],
    [
      'a row is gone',
      (releaser) => releaser.changed(0, [{ kind: 'remove', webhookId: WEBHOOK.id, deliveryId, run: 0 }]),
    ],
    ['anything else may have changed', (releaser) => releaser.wake()],
  ])('is looked at when %s', async (_what, change) => {
    const { releaser, at } = await inOrder();
    change(releaser);
    await settled();
    expect(at.looks).toBe(2);
    releaser.roomFor(WEBHOOK.id);
    await settled();
    expect(at.looks).toBe(2);
    await releaser.close();
  });

  it('is looked at again when a subject had its turn while it was looked at', async () => {
    const { releaser, at } = await inOrder((one, looks) => {
      if (looks === 1) one.readyFor(WEBHOOK.id);
      return [];
    });
    expect(at.looks).toBe(2);
    await releaser.close();
  });

  it('is looked at again when what was found could not be requested', async () => {
    const { releaser, at, errors } = await inOrder((_one, looks) => (looks === 1 ? [rowOf(1, 0)] : []));
    expect([at.looks, errors.length]).toEqual([1, 1]);
    releaser.roomFor(WEBHOOK.id);
    await settled();
    expect(at.looks).toBe(2);
    await releaser.close();
  });

  it('is looked at again when a row that was due had to be parked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { releaser, at, table } = await inOrder();
      releaser.changed(0, [{ kind: 'put', row: rowOf(1, 0, { dueAt: 1_010 }) }]);
      await settled();
      expect(at.looks).toBe(2);
      Object.assign(table, { due: [rowOf(1, 0, { dueAt: 1_010 })], room: 0 });
      vi.advanceTimersByTime(5_000);
      await settled();
      expect([table.parked, at.looks]).toEqual([1, 2]);
      table.room = 100;
      releaser.roomFor(WEBHOOK.id);
      await settled();
      expect(at.looks).toBe(3);
      await releaser.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is looked at in each of its partitions, where a topic was given more of them', async () => {
    const looks: number[] = [];
    const parked = async (partition: number): Promise<ScheduleRow[]> => (looks.push(partition), []);
    const { releaser } = releaserOf({ schedule: { parked }, isRowToCome: () => true });
    await releaser.assign(0);
    await releaser.assign(1);
    await settled();
    expect([...new Set(looks)]).toEqual([0, 1]);
    await releaser.close();
  });
});
