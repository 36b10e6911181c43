import type { AttemptError } from '@switchhook/contracts';

/**
 * What a call says about the endpoint: it `answered`, it `failed` (was there, but did not do its work), it was `unreachable`,
 * or the call says `nothing` about it.
 */
export type EndpointVerdict = 'answered' | 'failed' | 'unreachable' | 'nothing';

/** What is remembered of the calls to an endpoint whose breaker is closed. */
export interface CallTrouble {
  /** The last calls, oldest first; begins with a failed one, because what went well before it changes no decision. */
  readonly calls: readonly { readonly at: number; readonly failed: boolean }[];
  readonly unreachableInARow: number;
}

/** Of an endpoint without trouble nothing is remembered. */
export const NO_TROUBLE: CallTrouble = { calls: [], unreachableInARow: 0 };

const RING_CALLS = 20;
const WITHIN_MS = 30_000;
const FAILED_SHARE = 0.5;
const UNREACHABLE_IN_A_ROW = 5;
const OPEN_MS = { first: 10_000, longest: 10 * 60_000 };
const PROBES_MOST = 5;
/** An opening may last this long because of the probes before it, however short it would be by itself. */
export const PROBES_WITHIN_MS = 60_000;

/** `unreachable` are connections that did not come about, or broke before an answer came. */
const VERDICT_OF_ERROR: Readonly<Record<AttemptError, EndpointVerdict>> = {
  refused: 'unreachable',
  reset: 'unreachable',
  dns: 'unreachable',
  tls: 'unreachable',
  timeout: 'failed',
  protocol: 'failed',
  // It is there and speaks HTTP: what it says is the customer's affair.
  redirect: 'answered',
  'response-too-large': 'answered',
  // Our own policy; the endpoint was not asked.
  'address-refused': 'nothing',
};

/** Only transport errors, timeouts and 5xx speak against an endpoint: a customer's 4xx, 429 included, is an answer. */
export function judgeEndpoint(call: { statusCode: number | null; error: AttemptError | null }): EndpointVerdict {
  if (call.error !== null) return VERDICT_OF_ERROR[call.error];
  return call.statusCode !== null && call.statusCode >= 500 ? 'failed' : 'answered';
}

/** What is remembered after one more call that ended at `at` (epoch ms). */
export function noteCall(trouble: CallTrouble, verdict: EndpointVerdict, at: number): CallTrouble {
  if (verdict === 'nothing') return trouble;
  const failed = verdict !== 'answered';
  if (!failed && trouble.calls.length === 0) return trouble;
  const last = [...trouble.calls, { at, failed }].slice(-RING_CALLS);
  const firstFailed = last.findIndex((call) => call.failed);
  return {
    calls: firstFailed === -1 ? NO_TROUBLE.calls : last.slice(firstFailed),
    unreachableInARow: verdict === 'unreachable' ? trouble.unreachableInARow + 1 : 0,
  };
}

/**
 * Whether the breaker opens: half of the last 20 calls failed within 30 s (ten of them, however few succeeded), or five
 * connections in a row did not come about.
 */
export function shouldOpen({ calls, unreachableInARow }: CallTrouble, nowMs: number): boolean {
  if (unreachableInARow >= UNREACHABLE_IN_A_ROW) return true;
  const failed = calls.filter((call) => call.failed && nowMs - call.at <= WITHIN_MS).length;
  return failed >= RING_CALLS * FAILED_SHARE;
}

/** How long it stays open, ms, when it opens for the `openings`th time (from 1) without having closed: 10 s doubling to 10 min. */
export function openTimeMs(openings: number): number {
  return Math.min(OPEN_MS.longest, OPEN_MS.first * 2 ** (openings - 1));
}

/**
 * How long it stays open, ms, so that no minute has more than five probes of the endpoint: `openMs`, or longer. `probes` is when the
 * last ones began (`noteProbe`), whatever came of them: an endpoint that takes each probe and fails right after it is asked no
 * more often than one that is down.
 */
export function waitForProbeMs(probes: readonly number[], openMs: number, nowMs: number): number {
  const fifthLast = probes.at(-PROBES_MOST);
  if (fifthLast === undefined) return openMs;
  // Never longer than that minute, even when the clock was set back.
  return Math.max(openMs, Math.min(PROBES_WITHIN_MS, fifthLast + PROBES_WITHIN_MS - nowMs));
}

/** What is remembered after a probe that began at `at` (epoch ms): those that count for the next one. */
export function noteProbe(probes: readonly number[], at: number): readonly number[] {
  return [...probes, at].slice(-PROBES_MOST);
}

/** Whether what is remembered of the probes of an endpoint counts no more. */
export function areProbesOver(probes: readonly number[], nowMs: number): boolean {
  return nowMs - (probes.at(-1) ?? -Infinity) >= PROBES_WITHIN_MS;
}
