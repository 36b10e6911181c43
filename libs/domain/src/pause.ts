import type { Pause, PauseEvent } from '@switchhook/contracts';
import { CommandRefused, type Decider } from './decider.js';

/** An order to hold deliveries, or to let them go on. */
export interface PauseOrder {
  readonly type: 'pause' | 'resume';
  /** Epoch ms. */
  readonly now: number;
  /** A credential id. */
  readonly by: string;
  readonly role: Pause['role'];
}

/** `accountId` undefined: all accounts. */
export type PauseCommand = PauseOrder & { readonly accountId: number | undefined };

/** Of all deliveries, or of an account's. */
export interface PauseState {
  readonly version: number;
  readonly pause?: Pause;
}

/**
 * What an order makes of `current`: the pause after it, null for none, or `same` where nothing changes. The platform's order over an
 * account's makes it the platform's, held since the account began. Throws `CommandRefused` (`forbidden`) where an account would
 * lift what the platform holds.
 */
export function pauseAfter(current: Pause | undefined, { type, now, by, role }: PauseOrder): Pause | null | 'same' {
  if (type === 'pause') {
    if (current && (current.role === 'platform' || role === 'account')) return 'same';
    return { since: current?.since ?? now, by, role };
  }
  if (!current) return 'same';
  if (current.role === 'platform' && role === 'account') {
    throw new CommandRefused('forbidden', 'The platform has paused this; only the platform may resume it');
  }
  return null;
}

/** The pause of all deliveries, or of an account's; that of a webhook is part of the webhook (webhook.ts). */
export const pauseDecider: Decider<PauseState, PauseCommand, PauseEvent> = {
  initialState: { version: 0 },
  decide: (state, command) => {
    const after = pauseAfter(state.pause, command);
    if (after === 'same') return [];
    const { now, by, accountId } = command;
    return [
      {
        type: after ? 'deliveries.paused' : 'deliveries.resumed',
        at: now,
        by,
        ...(accountId !== undefined && { accountId }),
        version: state.version + 1,
        ...(after && { pause: after }),
      },
    ];
  },
  evolve: (_state, { version, pause }) => ({ version, ...(pause && { pause }) }),
};
