import { TOPICS } from '@switchhook/contracts';
import { expect, it } from 'vitest';
import { HopsBefore } from './hops-before.js';

/** By topic what each of its partitions has unfinished, epoch ms. */
function hopsOf(unfinished: Record<string, (number | undefined)[]>) {
  let nowMs = 0;
  const asked: string[] = [];
  const log = {
    unfinishedSince: async (group: string, topic: string) => {
      asked.push(group);
      return unfinished[topic] ?? [];
    },
  };
  return { hops: new HopsBefore(log, () => nowMs), asked, pass: (ms: number) => (nowMs += ms) };
}

const { events, requested, requestedBulk } = TOPICS;
const GROUPS = ['ingestion', 'signing', 'signing-bulk'];

it('what may come again is of the same partition of what is requested, and of any partition of the events', async () => {
  const { hops } = hopsOf({
    [events.name]: [undefined, 700],
    [requested.name]: [500, undefined, 900],
    [requestedBulk.name]: [undefined, 600, undefined],
  });
  expect(await Promise.all([0, 1, 2].map((partition) => hops.since(partition)))).toEqual([500, 600, 700]);
});

it('nothing can come again where all hops have finished', async () => {
  const { hops } = hopsOf({
    [events.name]: [undefined],
    [requested.name]: [undefined],
    [requestedBulk.name]: [undefined],
  });
  expect(await hops.since(0)).toBe(Infinity);
});

it('partitions that are taken over together ask once, a later one anew', async () => {
  const { hops, asked, pass } = hopsOf({});
  await Promise.all([0, 1, 2].map((partition) => hops.since(partition)));
  expect(asked).toEqual(GROUPS);
  pass(1_000);
  await hops.since(0);
  expect(asked).toEqual([...GROUPS, ...GROUPS]);
});
