import { HEADER } from '@switchhook/contracts';
import { readAttemptIds } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { Releaser, type ReleaserDeps } from './release.js';
import type { ScheduleRow } from './schedule-row.js';

export const WEBHOOK = webhookFixture({ ordering: 'key' });
export const rowOf = (event: number, deferrals: number, more: Partial<ScheduleRow> = {}): ScheduleRow => ({
  ids: idsFixture(event, { deferrals }),
  partition: 0,
  dueAt: null,
  position: event,
  headers: { [HEADER.attributes]: `event-${event}` },
  data: Buffer.from('{}'),
  ...more,
});
export const placed = (event: number, deferrals: number) =>
  rowOf(event, deferrals, { place: { subject: `call-${event}`, sequence: event } });

/** A releaser over a table that is empty unless told otherwise; `requested` are the event's deliveries with their deferrals. */
export function releaserOf(given: {
  schedule?: Partial<ReleaserDeps['schedule']>;
  order?: Partial<ReleaserDeps['order']>;
  room?: ReleaserDeps['room'];
  onError?: ReleaserDeps['onError'];
  isRowToCome?: ReleaserDeps['isRowToCome'];
  publish?: ReleaserDeps['log']['publish'];
}) {
  const published: OutgoingRecord[] = [];
  const drained: number[] = [];
  const releaser = new Releaser({
    log: { publish: given.publish ?? (async (records) => (published.push(...records), [])) },
    schedule: {
      due: async () => [],
      parked: async () => [],
      parkedWithoutPlace: async () => [],
      park: async () => undefined,
      parkedWebhooks: async () => [WEBHOOK.id],
      earliest: async () => null,
      ...given.schedule,
    },
    order: { handles: () => false, next: async () => [], admits: () => true, again: () => undefined, ...given.order },
    webhooks: { get: () => WEBHOOK, has: () => true },
    room: given.room ?? (() => 100),
    refillAt: () => 1,
    onParked: () => undefined,
    isRowToCome: given.isRowToCome ?? (() => false),
    onDrained: (webhookId) => void drained.push(webhookId),
    now: () => 1_000,
    onError:
      given.onError ??
      ((error) => {
        throw error;
      }),
  });
  const requested = () =>
    published.map(({ headers }) => {
      const { deliveryId, deferrals } = readAttemptIds(headers);
      return { deliveryId, deferrals };
    });
  return { releaser, requested, drained };
}
