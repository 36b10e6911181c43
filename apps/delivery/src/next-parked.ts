import { keyOf, type ReleasedRows } from './released-rows.js';
import type { Schedule } from './schedule.js';
import type { ScheduleRow } from './schedule-row.js';
import type { SubjectOrder } from './subject-order.js';

export interface NextParkedDeps {
  readonly schedule: Pick<Schedule, 'parked' | 'parkedWithoutPlace'>;
  readonly order: Pick<SubjectOrder, 'handles' | 'next' | 'again'>;
}

/** Parked rows of a webhook, at most `limit`. */
export interface Wanted {
  readonly partition: number;
  readonly webhookId: number;
  readonly limit: number;
}

/**
 * The parked rows that may be requested next and are not on their way: as they were parked, or of each subject the one whose
 * turn it is. Rejects when the database is away; then no subject has lost its turn.
 */
export async function nextParked(
  { schedule, order }: NextParkedDeps,
  released: ReleasedRows,
  { partition, webhookId, limit }: Wanted,
): Promise<ScheduleRow[]> {
  const ids = released.ids(webhookId);
  if (!order.handles(webhookId)) return schedule.parked(partition, webhookId, ids, limit);
  const inOrder = (await order.next(webhookId, limit)).filter((row) => !released.has(keyOf(row.ids)));
  if (inOrder.length >= limit) return inOrder;
  try {
    return [...inOrder, ...(await schedule.parkedWithoutPlace(partition, webhookId, ids, limit - inOrder.length))];
  } catch (error) {
    for (const { place } of inOrder) if (place) order.again(webhookId, place.subject);
    throw error;
  }
}
