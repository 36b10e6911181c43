/** What the delivery log knows of a delivery that has not ended. Times are epoch ms. */
export interface Wait {
  readonly status: string;
  /** Why it was parked: the code of the outcome `deferred`. */
  readonly reason: string | null;
  /** Since when that reason held when it was parked. */
  readonly since: number | null;
  readonly nextAttemptAt: number | null;
  /** The call that was made last. */
  readonly lastAttempt: {
    readonly number: number;
    readonly statusCode: number | null;
    readonly error: string | null;
  } | null;
}

/** What holds its webhook back now. */
export interface HeldNow {
  /** Since when somebody has paused it, its account or everything. */
  readonly pausedSince?: number | undefined;
  /** The open breaker of its endpoint: since when, and when it lets a call through. */
  readonly circuit?: { readonly since: number; readonly nextProbeAt: number } | undefined;
}

/**
 * Why a delivery waits and until when, for people; null for one that has ended, or that is on its way. What was true when it was
 * parked may not be any more: a breaker opens again and again, a pause ends, and the row of what waits is not written for that.
 */
export function explainWait(wait: Wait, held: HeldNow, nowMs: number): string | null {
  if (wait.status === 'deferred') return explainParked(wait, held, nowMs);
  if (wait.status === 'pending' && wait.nextAttemptAt !== null) return explainRetry(wait, held, nowMs);
  return null;
}

function explainParked({ reason, since, nextAttemptAt }: Wait, held: HeldNow, nowMs: number): string {
  const sinceThen = since === null ? '' : ` since ${iso(since)}`;
  if (held.pausedSince !== undefined) return `parked: ${paused(held.pausedSince)}`;
  switch (reason) {
    case 'paused':
      return `parked: was paused${sinceThen}; ${IN_TURN}`;
    case 'circuit-open':
      if (held.circuit) return `parked: ${circuitOpen(held.circuit, nowMs)}`;
      return `parked: circuit was open${sinceThen}; ${IN_TURN}`;
    case 'rate-limited':
      return `parked: over the rate limit of its webhook${sinceThen}; ${IN_TURN}`;
    case 'lane-full':
      return `parked: no room in the lane of its webhook${sinceThen}; ${IN_TURN}`;
    case 'order':
      return `parked: waits${sinceThen} for the end of an earlier event of its subject`;
    case 'stale':
      return `put off: signed too long ago or before its webhook was changed; to be signed anew${nextTry(nextAttemptAt, nowMs)}`;
    default:
      return `parked: ${reason ?? 'reason unknown'}${sinceThen}${nextTry(nextAttemptAt, nowMs)}`;
  }
}

function explainRetry({ lastAttempt, nextAttemptAt }: Wait, held: HeldNow, nowMs: number): string {
  const { number, statusCode, error } = lastAttempt ?? { number: null, statusCode: null, error: null };
  const failed = number === null ? 'put off' : `attempt ${number} failed: ${error ?? statusCode ?? 'no answer'}`;
  const isDue = nextAttemptAt !== null && nextAttemptAt <= nowMs;
  const next = isDue ? `next try was due ${iso(nextAttemptAt)}` : `next try ${iso(nextAttemptAt ?? nowMs)}`;
  return `${failed}; ${next}${holding(held, isDue, nowMs)}`;
}

/** A retry that is not due is held by a pause alone: until then its endpoint may answer again. */
function holding({ pausedSince, circuit }: HeldNow, isDue: boolean, nowMs: number): string {
  if (pausedSince !== undefined) return `, ${paused(pausedSince)}`;
  if (!isDue) return '';
  return circuit ? `, ${circuitOpen(circuit, nowMs)}` : `, ${IN_TURN}`;
}

const IN_TURN = 'goes out in its turn';

const paused = (since: number): string => `paused since ${iso(since)}, until it is resumed`;

const circuitOpen = ({ since, nextProbeAt }: NonNullable<HeldNow['circuit']>, nowMs: number): string =>
  `circuit open since ${iso(since)}${nextTry(nextProbeAt, nowMs)}`;

function nextTry(at: number | null, nowMs: number): string {
  if (at === null) return '';
  return at <= nowMs ? ', next try now' : `, next try ${iso(at)}`;
}

/** A time that no clock of ours wrote is shown as the number that it is. */
const iso = (at: number): string => (Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at));
