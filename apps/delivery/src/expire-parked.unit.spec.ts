import { HEADER, splitParts, type Webhook } from '@switchhook/contracts';
import { attemptName, readAttemptIds } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';
import { describe, expect, it } from 'vitest';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { expireParked } from './expire-parked.js';
import { FinishedNames } from './finished-names.js';
import { scheduleChange, type ScheduleRow } from './schedule-row.js';

const rowOf = (event: number, acceptedAt: number): ScheduleRow => ({
  ids: idsFixture(event, { acceptedAt, deferrals: 1 }),
  partition: 0,
  dueAt: null,
  position: event,
  headers: { [HEADER.attributes]: `event-${event}` },
  data: Buffer.from('{}'),
});

/** One round at time 1,000 over these rows; deliveries live for 100 ms. */
async function round(
  rows: readonly ScheduleRow[],
  given: { released?: string[]; inHand?: string[]; names?: FinishedNames; webhook?: Partial<Webhook> } = {},
) {
  const published: OutgoingRecord[] = [];
  const names = given.names ?? new FinishedNames();
  const webhook = webhookFixture({ retry: { maxAgeMs: 100 }, ...given.webhook });
  await expireParked({
    log: { publish: async (records) => (published.push(...records), []) },
    schedule: {
      parked: async (_partition, _webhookId, released, limit) =>
        rows.filter(({ ids }) => !released.includes(ids.deliveryId)).slice(0, limit),
    },
    webhooks: { get: () => webhook, has: () => true },
    releaser: { parkedWebhooks: () => [{ partition: 0, webhookId: 1 }], releasedIds: () => given.released ?? [] },
    inHand: { has: (name) => given.inHand?.includes(name) === true },
    names,
    now: () => 1_000,
  });
  const ids = published.map(({ headers }) => readAttemptIds(headers).deliveryId);
  return { published, ids, names };
}

describe('what is parked', () => {
  it('ends as expired when its webhook lets it live no longer, and its row goes', async () => {
    const { published, ids, names } = await round([rowOf(1, 0), rowOf(2, 899), rowOf(3, 900)]);
    expect(ids).toEqual([1, 2].map((event) => idsFixture(event).deliveryId));
    const [record] = published;
    const facts = splitParts(record?.value ?? Buffer.alloc(0), record?.headers ?? {})[0]?.toString();
    expect(JSON.parse(facts ?? '')).toEqual({ outcome: 'expired', at: 1_000, reason: 'max-age' });
    const change = scheduleChange(
      {
        ...record!,
        key: Buffer.from('1'),
        partition: 0,
        position: 9,
        appendedAtMs: 0,
      },
      { get: () => undefined, has: () => true },
      new FinishedNames(),
    );
    expect(change).toEqual({ kind: 'remove', webhookId: 1, deliveryId: idsFixture(1).deliveryId, run: 0 });
    expect(names.has(attemptName(rowOf(1, 0).ids))).toBe(true);
  });

  it('is all looked through while everything found is too old', async () => {
    const rows = Array.from({ length: 180 }, (_, event) => rowOf(event, event < 170 ? 0 : 1_000));
    expect((await round(rows)).ids).toHaveLength(170);
  });

  it('is left alone when it was released or is in a call', async () => {
    const rows = [rowOf(1, 0), rowOf(2, 0), rowOf(3, 0)];
    const { ids } = await round(rows, {
      released: [idsFixture(1).deliveryId],
      inHand: [attemptName(rowOf(2, 0).ids)],
    });
    expect(ids).toEqual([idsFixture(3).deliveryId]);
  });

  it('ends once, also while its row is still there', async () => {
    const { names } = await round([rowOf(1, 0)]);
    expect((await round([rowOf(1, 0)], { names })).ids).toEqual([]);
  });

  it('lives as long as the profile says when the webhook does not', async () => {
    expect((await round([rowOf(1, 0)], { webhook: { retry: {} } })).ids).toEqual([]);
  });
});
