import { TERMINAL_OUTCOMES, type Outcome, type OutcomeName } from '@switchhook/contracts';

/** An outcome and the attempt that it is about, as one record of `deliveries.outcomes`. */
export interface DeliveryFact {
  readonly run: number;
  readonly number: number;
  readonly outcome: Pick<Outcome, 'outcome'> & Partial<Outcome>;
}

interface Progress {
  readonly run: number;
  /** Calls of this run that have ended. */
  readonly finishedAttempts: number;
  /** Outcomes of calls that were already known: two owners made the call while the partition changed hands. */
  readonly repeats: number;
}

export type DeliveryState =
  | { readonly status: 'none' }
  | (Progress & { readonly status: 'pending' | 'deferred'; readonly nextAttemptAt?: number })
  | (Progress & { readonly status: Terminal; readonly reason?: string; readonly lastNumber: number });

type Terminal = Exclude<OutcomeName, 'attempted' | 'deferred'>;

export const initialDelivery: DeliveryState = { status: 'none' };

/** A delivery's events in an order that no correct run can produce. */
export class IllegalHistory extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'IllegalHistory';
  }
}

/**
 * The state after one more outcome of a delivery, in log order. Throws `IllegalHistory` when it cannot follow: attempts
 * count up by one within a run, a run ends once, another run (a replay, a manual retry) begins after that and not before.
 */
export function evolveDelivery(state: DeliveryState, fact: DeliveryFact): DeliveryState {
  const name = fact.outcome.outcome;
  if (state.status === 'none') return advance(opened(fact.run), fact);
  if (fact.run > state.run) return beginRun(state, fact);
  if (fact.run < state.run) illegal(fact, `run ${state.run} has begun`);
  const repeated = endsACall(fact) && fact.number <= state.finishedAttempts;
  const echo = { ...state, repeats: state.repeats + 1 };
  if (isTerminal(state)) {
    if (!repeated && !isSaidAgain(state, fact)) illegal(fact, `the run has ended as ${state.status}`);
    return echo;
  }
  if (repeated && name === 'attempted') return echo;
  return advance(repeated ? echo : state, fact);
}

function beginRun(state: Exclude<DeliveryState, { status: 'none' }>, fact: DeliveryFact): DeliveryState {
  if (!isTerminal(state)) illegal(fact, `run ${state.run} is still ${state.status}`);
  if (state.status === 'unmatched') illegal(fact, 'no webhook matched the event');
  return advance(opened(fact.run), fact);
}

/** What was cancelled, expired, refused or parked without a call leaves its number to the next call. */
const endsACall = ({ outcome }: DeliveryFact): boolean =>
  outcome.attempt !== undefined || outcome.outcome === 'attempted' || outcome.outcome === 'succeeded';

/**
 * An end without a call, of an attempt that had been requested: a crash lets signing read the request again, when its webhook may
 * be deleted or the delivery too old by now, and signing does not know what has come of it. The first end stands.
 */
const isSaidAgain = ({ lastNumber }: { readonly lastNumber: number }, { number, outcome }: DeliveryFact): boolean =>
  TERMINAL_OUTCOMES.has(outcome.outcome) && outcome.outcome !== 'unmatched' && number <= lastNumber;

const isTerminal = (state: DeliveryState): state is DeliveryState & { status: Terminal } =>
  state.status !== 'none' && TERMINAL_OUTCOMES.has(state.status as OutcomeName);

const opened = (run: number): Progress => ({ run, finishedAttempts: 0, repeats: 0 });

function advance({ run, finishedAttempts, repeats }: Progress, fact: DeliveryFact): DeliveryState {
  const { outcome, reason, nextAttemptAt } = fact.outcome;
  const next = finishedAttempts + 1;
  // An end without a new call may name the last attempt or the one that was to come.
  const endsQuietly = fact.number < next && TERMINAL_OUTCOMES.has(outcome);
  if (fact.number !== next && !endsQuietly) illegal(fact, `attempt ${next} comes next`);
  const progress = {
    run,
    finishedAttempts: endsACall(fact) ? Math.max(finishedAttempts, fact.number) : finishedAttempts,
    repeats,
  };
  if (outcome === 'attempted') return { ...progress, status: 'pending', nextAttemptAt };
  if (outcome === 'deferred') return { ...progress, status: 'deferred', nextAttemptAt };
  if (outcome === 'unmatched' && finishedAttempts > 0) illegal(fact, 'a webhook has matched the event');
  // Ended by a call, no further attempt was requested; ended without one, perhaps the next.
  const lastNumber = endsACall(fact) ? progress.finishedAttempts : next;
  return { ...progress, status: outcome, reason, lastNumber };
}

function illegal({ run, number, outcome }: DeliveryFact, because: string): never {
  throw new IllegalHistory(`${outcome.outcome} of run ${run}, attempt ${number}: ${because}`);
}
