import type { Circuit, EndpointChange, EndpointFailure, Webhook } from '@switchhook/contracts';
import {
  NO_TROUBLE,
  PROBES_WITHIN_MS,
  endpointKey,
  judgeEndpoint,
  noteCall,
  shouldOpen,
  tlsProfile,
  type AttemptTarget,
  type CallTrouble,
} from '@switchhook/domain';
import { LRUCache } from 'lru-cache';
import type { CallAnswer, CallToSend, SendCall } from './http-sender.js';
import { openCircuit, type OpenCircuit } from './open-circuit.js';
import { Probes } from './probes.js';

/** What one breaker guards. */
export interface Endpoint {
  readonly key: string;
  readonly accountId: number;
}

export type BreakerState = Circuit['state'];

/** A breaker has changed its state. `gossip` is what other instances are to hear of it; none of what came from them. */
export interface BreakerChange {
  readonly endpoint: Endpoint;
  readonly state: BreakerState;
  readonly openings: number;
  readonly retryAt: number;
  readonly gossip?: EndpointChange;
}

export interface BreakersDeps {
  readonly send: SendCall;
  readonly now: () => number;
  /** How long a breaker stays open, ms, when it opens for the n-th time in a row. */
  readonly openTimeMs: (openings: number) => number;
  /** Endpoints without an open breaker that are remembered. */
  readonly endpointsMax?: number;
}

/** What is remembered of an endpoint whose breaker is closed. */
interface Closed {
  readonly trouble: CallTrouble;
  /** Epoch ms of the last change; 0 when there was none. */
  readonly changedAt: number;
  /** How many records a lane may hold while the endpoint recovers; Infinity when it has. */
  readonly ramp: number;
  /** What failed last before it closed. */
  readonly failure?: EndpointFailure | undefined;
}

interface Opened {
  readonly endpoint: Endpoint;
  readonly circuit: OpenCircuit;
  readonly since: number;
  changedAt: number;
  failure: EndpointFailure | undefined;
}

/** An opening: when it was, of how many in a row, until when it holds, since when it has not been closed, and what failed. */
type Opening = Pick<EndpointChange, 'at' | 'openings' | 'retryAt' | 'failure'> & { readonly since: number };

interface Closing {
  readonly failure: EndpointFailure | undefined;
  /** Other instances are to hear of it. */
  readonly isNews?: boolean;
  readonly resetBy?: number;
}

const FRESH: Closed = { trouble: NO_TROUBLE, changedAt: 0, ramp: Infinity };
/** A lane that may hold this many is not held back any more. */
const RAMP_MAX = 1_024;

/**
 * A circuit breaker per endpoint (account, origin, path, TLS profile), shared by the lanes that call it. Only endpoints with
 * trouble are remembered: in an LRU while the breaker is closed; an open one is never forgotten.
 */
export class Breakers {
  private readonly closed: LRUCache<string, Closed>;
  private readonly opened = new Map<string, Opened>();
  private readonly probes = new Probes();
  private readonly listeners: ((change: BreakerChange) => void)[] = [];

  constructor(private readonly deps: BreakersDeps) {
    this.closed = new LRUCache({ max: deps.endpointsMax ?? 10_000 });
  }

  /** Makes the call, unless the breaker does not let it through: then `held`, and nothing was sent. */
  async send(endpoint: Endpoint, call: CallToSend): Promise<CallAnswer | 'held'> {
    const opened = this.opened.get(endpoint.key);
    if (opened) return opened.circuit.tryOnce(call);
    const answer = await this.deps.send(call);
    if (!answer.abandoned) this.note(endpoint, answer);
    return answer;
  }

  state(key: string): BreakerState {
    return this.opened.get(key)?.circuit.state() ?? 'closed';
  }

  /** How many records a lane that calls this endpoint may hold: none while it is open, one while it is half-open. */
  limit(key: string): number {
    const opened = this.opened.get(key);
    if (opened) return opened.circuit.takesTrial() ? 1 : 0;
    return this.closed.peek(key)?.ramp ?? Infinity;
  }

  /** When the open breaker lets a trial through, epoch ms; undefined when it is closed. */
  retryAt(key: string): number | undefined {
    return this.opened.get(key)?.circuit.retryAt();
  }

  /** What was held back for another reason than an open breaker begins with one record, too. */
  recover(key: string): void {
    if (!this.opened.has(key)) this.closed.set(key, { ...(this.closed.get(key) ?? FRESH), ramp: 1 });
  }

  /** Takes what another instance (or this one, before a restart) said of an endpoint, unless something newer is known. */
  hear(change: EndpointChange): void {
    const { endpoint: key, accountId, at, openings, failure, since = at } = change;
    const known = this.changedAt(key);
    // At the very same time: open, with everyone.
    if (at < known || (at === known && (change.state === 'closed' || this.opened.has(key)))) return;
    const endpoint = { key, accountId };
    if (change.state === 'open') {
      const nowMs = this.deps.now();
      const openMs = this.deps.openTimeMs(openings);
      // However wrong another's clock is: no longer than the rule says, counted from now.
      const latest = nowMs + Math.min(change.waitMs ?? openMs, Math.max(openMs, PROBES_WITHIN_MS));
      const waitMs = this.probes.waitMs(key, Math.min(change.retryAt, latest) - nowMs, nowMs);
      this.open(endpoint, { at, openings, retryAt: nowMs + waitMs, since, failure });
      this.tell(endpoint, 'open');
    } else if (this.opened.has(key)) {
      this.close(endpoint, at, { failure });
    } else {
      this.closed.set(key, { ...(this.closed.get(key) ?? FRESH), changedAt: at, failure });
    }
  }

  /** Closes it by hand, as credential `resetBy` wants: what waits goes out at once, slowly first. False when it is not open. */
  reset(key: string, resetBy: number): boolean {
    const opened = this.opened.get(key);
    if (opened) this.close(opened.endpoint, this.changeTime(key), { isNews: true, failure: opened.failure, resetBy });
    return opened !== undefined;
  }

  /** What customers are shown of it. */
  circuit(key: string): Circuit {
    const opened = this.opened.get(key);
    if (!opened) {
      const { changedAt, failure } = this.closed.peek(key) ?? FRESH;
      return {
        state: 'closed',
        since: changedAt || null,
        nextProbeAt: null,
        openings: 0,
        lastFailure: failure ?? null,
      };
    }
    const { circuit, since, failure } = opened;
    const state = circuit.state();
    const nextProbeAt = state === 'open' ? circuit.retryAt() : null;
    return { state, since, nextProbeAt, openings: circuit.openings(), lastFailure: failure ?? null };
  }

  onChange(listener: (change: BreakerChange) => void): void {
    this.listeners.push(listener);
  }

  counts(): Record<BreakerState, number> {
    const halfOpen = [...this.opened.values()].filter(({ circuit }) => circuit.state() === 'half-open').length;
    return { closed: this.closed.size, open: this.opened.size - halfOpen, 'half-open': halfOpen };
  }

  stop(): void {
    for (const { circuit } of this.opened.values()) circuit.stop();
    this.opened.clear();
  }

  /** What began before the breaker opened says nothing new when it ends. */
  private note(endpoint: Endpoint, answer: CallAnswer): void {
    const { key } = endpoint;
    if (this.opened.has(key)) return;
    const verdict = judgeEndpoint(answer);
    const before = this.closed.get(key) ?? FRESH;
    const nowMs = this.deps.now();
    const trouble = noteCall(before.trouble, verdict, nowMs);
    if (shouldOpen(trouble, nowMs)) return this.openNow(endpoint, failureOf(answer, nowMs), nowMs);
    const ramp = verdict === 'answered' ? grown(before.ramp) : before.ramp;
    if (trouble !== before.trouble || ramp !== before.ramp) this.closed.set(key, { ...before, trouble, ramp });
  }

  private openNow(endpoint: Endpoint, failure: EndpointFailure, nowMs: number): void {
    const { key } = endpoint;
    const at = this.changeTime(key, nowMs);
    this.open(endpoint, { at, openings: 1, retryAt: nowMs + this.waitMs(key, 1, nowMs), since: at, failure });
    this.tell(endpoint, 'open', at);
  }

  private open(endpoint: Endpoint, { at, openings, retryAt, since, failure }: Opening): void {
    const { key } = endpoint;
    this.opened.get(key)?.circuit.stop();
    this.closed.delete(key);
    const { send, now } = this.deps;
    const circuit = openCircuit({
      ...{ send, now, openings, retryAt },
      waitMs: (count) => this.waitMs(key, count),
      onTrial: () => this.probes.note(key, now()),
      onHalfOpen: () => this.tell(endpoint, 'half-open'),
      onReopened: (answer) => {
        opened.changedAt = this.changeTime(key);
        if (answer) opened.failure = failureOf(answer, now());
        this.tell(endpoint, 'open', opened.changedAt);
      },
      onClosed: () => this.close(endpoint, this.changeTime(key), { isNews: true, failure: opened.failure }),
    });
    const opened: Opened = { endpoint, circuit, since, changedAt: at, failure };
    this.opened.set(key, opened);
  }

  private close(endpoint: Endpoint, at: number, { failure, isNews = false, resetBy }: Closing): void {
    this.opened.get(endpoint.key)?.circuit.stop();
    this.opened.delete(endpoint.key);
    this.closed.set(endpoint.key, { trouble: NO_TROUBLE, changedAt: at, ramp: 1, failure });
    this.tell(endpoint, 'closed', isNews ? at : undefined, resetBy);
  }

  private waitMs(key: string, openings: number, nowMs = this.deps.now()): number {
    return this.probes.waitMs(key, this.deps.openTimeMs(openings), nowMs);
  }

  private changedAt(key: string): number {
    return this.opened.get(key)?.changedAt ?? this.closed.peek(key)?.changedAt ?? 0;
  }

  /** Later than the change before it, whatever the clock says: the newest wins. */
  private changeTime(key: string, nowMs = this.deps.now()): number {
    return Math.max(nowMs, this.changedAt(key) + 1);
  }

  /** `newsAt` is set for what other instances do not know yet. */
  private tell(endpoint: Endpoint, state: BreakerState, newsAt?: number, resetBy?: number): void {
    const opened = this.opened.get(endpoint.key);
    const openings = opened?.circuit.openings() ?? 0;
    const retryAt = opened?.circuit.retryAt() ?? newsAt ?? this.deps.now();
    const change = { endpoint, state, openings, retryAt };
    const isNews = newsAt !== undefined && state !== 'half-open';
    const told = isNews
      ? { ...change, gossip: this.news(endpoint, { state, at: newsAt, openings, retryAt, resetBy }) }
      : change;
    for (const listener of this.listeners) listener(told);
  }

  private news(
    { key, accountId }: Endpoint,
    change: Pick<EndpointChange, 'state' | 'at' | 'openings' | 'retryAt' | 'resetBy'>,
  ): EndpointChange {
    const opened = this.opened.get(key);
    const news = { endpoint: key, accountId, ...change };
    if (!opened) return { ...news, since: change.at, failure: this.closed.peek(key)?.failure };
    const waitMs = Math.max(0, change.retryAt - this.deps.now());
    return { ...news, waitMs, since: opened.since, failure: opened.failure };
  }
}

const failureOf = ({ statusCode, error }: CallAnswer, at: number): EndpointFailure => ({ at, statusCode, error });

const grown = (ramp: number): number => (ramp * 2 >= RAMP_MAX ? Infinity : ramp * 2);

const endpoints = new WeakMap<Webhook, Endpoint>();
const fallbackEndpoints = new WeakMap<Webhook, Endpoint>();

/** The endpoint that a webhook calls now. */
export const endpointOf = (webhook: Webhook): Endpoint => endpointAt(endpoints, webhook, webhook.callback);

/** The endpoint of a webhook's fallback, which has a breaker of its own; that of its callback where it has none. */
export const fallbackEndpointOf = (webhook: Webhook): Endpoint =>
  endpointAt(fallbackEndpoints, webhook, webhook.fallbackCallback ?? webhook.callback);

/** The endpoint that an attempt calls. */
export const endpointCalled = (webhook: Webhook, target: AttemptTarget | undefined): Endpoint =>
  target?.to === 'fallback' ? fallbackEndpointOf(webhook) : endpointOf(webhook);

function endpointAt(known: WeakMap<Webhook, Endpoint>, webhook: Webhook, url: string): Endpoint {
  const found = known.get(webhook);
  if (found) return found;
  const { accountId } = webhook;
  const endpoint = { key: endpointKey(accountId, url, tlsProfile(webhook)), accountId };
  known.set(webhook, endpoint);
  return endpoint;
}
