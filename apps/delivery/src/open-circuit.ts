import { judgeEndpoint } from '@switchhook/domain';
import CircuitBreaker from 'opossum';
import type { CallAnswer, CallToSend, SendCall } from './http-sender.js';

export interface OpenCircuitOptions {
  readonly send: SendCall;
  readonly now: () => number;
  /** How long it stays open from now, ms, when it opens for the n-th time in a row. */
  readonly waitMs: (openings: number) => number;
  /** The how-many-th opening in a row this is, from 1. */
  readonly openings: number;
  /** Epoch ms; may be past: then a trial is let through at once. */
  readonly retryAt: number;
  readonly onHalfOpen: () => void;
  /** The trial begins. */
  readonly onTrial: () => void;
  /** The trial failed with this answer, or was broken off. */
  readonly onReopened: (answer: CallAnswer | undefined) => void;
  readonly onClosed: () => void;
}

/** The circuit breaker of an endpoint from its opening until it closes. */
export interface OpenCircuit {
  state(): 'open' | 'half-open';
  /** Whether it is half-open and nobody has begun the trial. */
  takesTrial(): boolean;
  /** Makes the call if it is the trial; else `held`. Never rejects. */
  tryOnce(call: CallToSend): Promise<CallAnswer | 'held'>;
  openings(): number;
  retryAt(): number;
  /** Ends its timers; it changes no more. */
  stop(): void;
}

/** The trial's call failed, or was broken off. */
class TrialFailed extends Error {
  constructor(readonly answer: CallAnswer) {
    super('the trial failed');
  }
}

/** As lean as opossum can be: no statistics, no timeout of its own (the sender has one), no opening by itself. */
const LEAN = {
  timeout: false,
  volumeThreshold: Number.MAX_SAFE_INTEGER,
  errorThresholdPercentage: 100,
  rollingCountTimeout: 3_600_000,
  rollingCountBuckets: 1,
  rollingPercentilesEnabled: false,
  enableSnapshots: false,
} as const;

/**
 * An opossum circuit that begins open. Opossum holds the state, its timer, and that half-open lets exactly one call through;
 * when it opens is our rule (libs/domain), so calls to closed endpoints do not pass through it: one that began before the
 * opening and ends during the trial would be taken for the trial.
 */
export function openCircuit(given: OpenCircuitOptions): OpenCircuit {
  let { openings, retryAt } = given;
  let failed: CallAnswer | undefined;
  // Opossum reads the time from these very options whenever it opens.
  const options = { ...LEAN, resetTimeout: Math.max(0, retryAt - given.now()) };
  const trial = async (call: CallToSend): Promise<CallAnswer> => {
    given.onTrial();
    const answer = await given.send(call);
    const verdict = judgeEndpoint(answer);
    if (!answer.abandoned && (verdict === 'answered' || verdict === 'nothing')) return answer;
    // A call that we broke off says nothing about the endpoint: it stays open as long as before.
    if (!answer.abandoned) openings += 1;
    failed = answer.abandoned ? undefined : answer;
    options.resetTimeout = given.waitMs(openings);
    throw new TrialFailed(answer);
  };
  const circuit = new CircuitBreaker(trial, options);
  circuit.open();
  circuit.on('halfOpen', given.onHalfOpen);
  circuit.on('open', () => {
    retryAt = given.now() + options.resetTimeout;
    given.onReopened(failed);
  });
  circuit.on('close', given.onClosed);
  return {
    state: () => (circuit.halfOpen ? 'half-open' : 'open'),
    takesTrial: () => circuit.halfOpen && circuit.pendingClose,
    tryOnce: async (call) => {
      try {
        return await circuit.fire(call);
      } catch (error) {
        return error instanceof TrialFailed ? error.answer : 'held';
      }
    },
    openings: () => openings,
    retryAt: () => retryAt,
    stop: () => circuit.shutdown(),
  };
}
