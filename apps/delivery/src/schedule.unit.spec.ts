import { expect, it } from 'vitest';
import type { DataSource } from 'typeorm';
import { idsFixture } from './delivery.fixture.js';
import { Schedule } from './schedule.js';
import type { ScheduleChange } from './schedule-row.js';

/** Which attempts of the one delivery `apply` writes rows for. */
async function numbersWritten(changes: readonly ScheduleChange[]): Promise<unknown> {
  let numbers: unknown;
  const query = async (_statement: string, [, , , , , , , , written]: unknown[]) => {
    numbers = written;
    return [{ moved: true }];
  };
  const schedule = new Schedule({ query } as unknown as DataSource);
  await schedule.apply({ identity: 'log', topic: 'outcomes', partition: 0 }, 1, 2, changes);
  return numbers;
}

const put = (number: number): ScheduleChange => ({
  kind: 'put',
  row: { ids: idsFixture(1, { number }), partition: 0, dueAt: 1, position: 1, headers: {}, data: Buffer.from('{}') },
});

it('a row is not replaced by one of an earlier attempt, not in one batch either: that attempt is finished', async () => {
  expect(await numbersWritten([put(2), put(3)])).toEqual([3]);
  expect(await numbersWritten([put(3), put(2)])).toEqual([3]);
});
