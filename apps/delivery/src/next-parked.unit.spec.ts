import { HEADER } from '@switchhook/contracts';
import { expect, it } from 'vitest';
import { idsFixture } from './delivery.fixture.js';
import { nextParked } from './next-parked.js';
import { ReleasedRows } from './released-rows.js';
import type { ScheduleRow } from './schedule-row.js';

const rowOf = (event: number, subject?: string): ScheduleRow => ({
  ids: idsFixture(event),
  partition: 0,
  dueAt: null,
  position: event,
  headers: { [HEADER.attributes]: `event-${event}` },
  data: Buffer.from('{}'),
  ...(subject !== undefined && { place: { subject, sequence: event } }),
});
const unordered = async () => expect.unreachable('the webhook keeps an order');

it('offers the subjects again whose turn it was, when the database goes away before all is looked up', async () => {
  const offered: string[] = [];
  const looked = nextParked(
    {
      schedule: { parked: unordered, parkedWithoutPlace: () => Promise.reject(new Error('away')) },
      order: {
        handles: () => true,
        next: async () => [rowOf(1, 'call-1'), rowOf(2, 'call-2')],
        again: (_webhookId, subject) => offered.push(subject),
      },
    },
    new ReleasedRows(),
    { partition: 0, webhookId: 7, limit: 10 },
  );
  await expect(looked).rejects.toThrow('away');
  expect(offered).toEqual(['call-1', 'call-2']);
});

it('gives what has no place in an order the room that is left', async () => {
  const limits: number[] = [];
  const rows = await nextParked(
    {
      schedule: {
        parked: unordered,
        parkedWithoutPlace: async (_partition, _webhookId, _released, limit) => {
          limits.push(limit);
          return [rowOf(3)];
        },
      },
      order: { handles: () => true, next: async () => [rowOf(1, 'call-1')], again: () => expect.unreachable() },
    },
    new ReleasedRows(),
    { partition: 0, webhookId: 7, limit: 10 },
  );
  expect(rows.map(({ position }) => position)).toEqual([1, 3]);
  expect(limits).toEqual([9]);
});
