import type { Outcome } from '@switchhook/contracts';
import type { GateReason } from './gate-store.js';

/** Why a delivery waits without an attempt (interfaces.md, deliveries). */
export type ParkReason = GateReason | 'lane-full' | 'order' | 'stale';

/** What the delivery log says of a wait; epoch ms. */
export interface ParkedTimes {
  /** Since when its reason holds; absent: since now. */
  readonly since?: number | undefined;
  /** When the webhook's gate is tried, where that is known. */
  readonly nextAttemptAt?: number | undefined;
}

/** The outcome of what has to wait for its webhook as a whole: no attempt is counted, and its row has no time of its own. */
export const parked = (at: number, reason: ParkReason, { since = at, nextAttemptAt }: ParkedTimes = {}): Outcome => ({
  outcome: 'deferred',
  at,
  reason,
  since,
  ...(nextAttemptAt !== undefined && { nextAttemptAt }),
});
