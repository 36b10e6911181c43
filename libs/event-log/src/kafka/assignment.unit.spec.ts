import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions, type GroupMemberState } from './assignment.js';

const TOPICS = ['outcomes', 'signed'];
const counts = (partitions: number): Record<string, number> =>
  Object.fromEntries(TOPICS.map((topic) => [topic, partitions]));

const members = fc.uniqueArray(
  fc.record({ memberId: fc.uuid(), owned: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 }) }),
  { minLength: 1, maxLength: 8, selector: ({ memberId }) => memberId },
);
const withTopics = (list: { memberId: string; owned: number[] }[]): GroupMemberState[] =>
  list.map((member) => ({ ...member, topics: TOPICS }));

describe('the assignment of partitions', () => {
  it('gives every partition to one member, the same for all topics, with loads that differ by one at most', () => {
    fc.assert(
      fc.property(members, fc.integer({ min: 0, max: 32 }), (list, partitions) => {
        const assignment = [...assignPartitions(withTopics(list), counts(partitions)).values()];
        for (const topics of assignment) expect(topics['signed']).toEqual(topics['outcomes']);
        const all = assignment.flatMap((topics) => topics['signed'] ?? []).sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: partitions }, (_, number) => number));
        const loads = assignment.map((topics) => topics['signed']?.length ?? 0);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('changes nothing when nothing has changed', () => {
    fc.assert(
      fc.property(members, fc.integer({ min: 1, max: 32 }), (list, partitions) => {
        const before = assignPartitions(withTopics(list), counts(partitions));
        const settled = list.map(({ memberId }) => ({ memberId, owned: before.get(memberId)?.['signed'] ?? [] }));
        expect(assignPartitions(withTopics(settled), counts(partitions))).toEqual(before);
      }),
    );
  });

  it('takes from those who stay only what a new member must have', () => {
    const owned = { a: [0, 1, 2], b: [3, 4, 5], c: [] as number[] };
    const list = Object.entries(owned).map(([memberId, numbers]) => ({ memberId, owned: numbers }));
    const after = assignPartitions(withTopics(list), counts(6));
    expect(after.get('a')?.['signed']).toEqual([0, 1]);
    expect(after.get('b')?.['signed']).toEqual([3, 4]);
    expect(after.get('c')?.['signed']).toEqual([2, 5]);
  });
});
