/** Deliveries that wait, by the hour in which their events were accepted: the hour, how many, and when (epoch ms) the first of them was. */
export type WaitingAges = readonly (readonly [hour: number, count: number, firstAt: number])[];

/** What an outcome does to the deliveries that wait. */
export type WaitChange = 'begins' | 'goes on' | 'ends' | 'none';

const HOUR_MS = 3_600_000;

/**
 * Whether with this outcome its delivery begins to wait (for another attempt, or for its turn), or waits no more. The same rule by
 * which the schedule has a row: what ends with its first attempt and was never put off has not waited.
 */
export function waitChange(ends: boolean, { number, deferrals }: { number: number; deferrals: number }): WaitChange {
  const isFirst = number === 1 && deferrals === 0;
  if (ends) return isFirst ? 'none' : 'ends';
  return isFirst ? 'begins' : 'goes on';
}

/**
 * The ages after a delivery whose event was accepted at `acceptedAt` began to wait or ended. Where the first of its hour has ended
 * and others wait, the hour keeps its time: an age may be an hour too long. What is older than `maxAgeMs` at `nowMs` is
 * forgotten, since nothing waits longer: an outcome that was written twice is miscounted no longer than that.
 */
export function ageWaiting(
  waiting: WaitingAges,
  change: 'begins' | 'ends',
  { acceptedAt, nowMs, maxAgeMs }: { acceptedAt: number; nowMs: number; maxAgeMs: number },
): WaitingAges {
  const hour = Math.floor(acceptedAt / HOUR_MS);
  const known = waiting.find(([each]) => each === hour);
  const count = (known?.[1] ?? 0) + (change === 'begins' ? 1 : -1);
  const firstAt = Math.min(known?.[2] ?? acceptedAt, acceptedAt);
  const others = waiting.filter(([each, , first]) => each !== hour && first + maxAgeMs >= nowMs);
  if (count <= 0 || firstAt + maxAgeMs < nowMs) return others;
  return [...others, [hour, count, firstAt] as const].sort(([a], [b]) => a - b);
}

/** When the event of the delivery that waits longest was accepted, epoch ms; undefined when none waits. */
export const oldestWaitingAt = (
  waiting: WaitingAges,
  { nowMs, maxAgeMs }: { nowMs: number; maxAgeMs: number },
): number | undefined => waiting.find(([, , firstAt]) => firstAt + maxAgeMs >= nowMs)?.[2];
