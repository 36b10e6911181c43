import type { Outcome } from '@switchhook/contracts';
import type { GateReason } from './gate-store.js';

/** Why a delivery waits without an attempt (interfaces.md, deliveries). */
export type ParkReason = GateReason | 'lane-full' | 'order' | 'stale';

/**
 * The outcome of what has to wait for its webhook as a whole: no attempt is counted, and its row has no time of its own.
 * `nextAttemptAt` (epoch ms) is when the webhook's gate is tried, for the delivery log, where that is known.
 */
export const parked = (at: number, reason: ParkReason, nextAttemptAt?: number): Outcome => ({
  outcome: 'deferred',
  at,
  reason,
  ...(nextAttemptAt !== undefined && { nextAttemptAt }),
});
