import { hash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { HEADER, headerText, type Attempt, type Outcome, type Webhook } from '@switchhook/contracts';
import {
  decideOutcome,
  profileOf,
  retryPolicyOf,
  targetOf,
  targetText,
  targetWhenHeld,
  type AttemptTarget,
} from '@switchhook/domain';
import type { CallAnswer, CallToSend } from './http-sender.js';
import { parked, type ParkedTimes } from './parked.js';
import { placeInOrder } from './place-in-order.js';
import type { PresentedCredentials } from './presented.js';
import type { OutcomeWriter } from './record-outcome.js';
import type { SignedDelivery } from './signed-delivery.js';
import { isStale, requestedAgain } from './stale.js';
import type { Webhooks } from './webhooks.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_CALL = channel('switchhook.delivery.to-call');
const ANSWERED = channel('switchhook.delivery.answered');

export interface AttemptDeps {
  readonly webhooks: Webhooks;
  /** What the webhook's calls present to its receiver. */
  readonly presentedBy: PresentedCredentials['of'];
  /** Makes the call; `held` when the breaker of the endpoint does not let it through. `target`: where there is a fallback. */
  readonly send: (webhook: Webhook, call: CallToSend, target?: AttemptTarget) => Promise<CallAnswer | 'held'>;
  /** Since when the webhook is held back by a breaker, and until when. */
  readonly heldTimes: (webhook: Webhook) => ParkedTimes;
  /** When the open breaker of the endpoint lets a call through, epoch ms. */
  readonly retryAt: (webhook: Webhook, target: AttemptTarget) => number | undefined;
  readonly writer: OutcomeWriter;
  readonly now: () => number;
  /** 0 … 1, for the jitter of the next try. */
  readonly random: () => number;
  /** Told of every finished call, for metrics. */
  readonly onAttempted: (delivery: SignedDelivery, outcome: Outcome) => void;
}

/**
 * Makes one call and hands its outcome to the log. Resolves when the call has ended, so that its lane can go on; the
 * outcome is acknowledged later. Without an outcome is only a call that we broke off because its partition went away.
 */
export const attempt = (deps: AttemptDeps) => {
  const make = async (delivery: SignedDelivery, signal: AbortSignal): Promise<void> => {
    if (deps.writer.dropEnded(delivery)) return;
    const webhook = deps.webhooks.get(delivery.webhookId);
    if (!webhook) throw new Error(`webhook ${delivery.webhookId} was known when its record was taken`);
    if (webhook.status === 'disabled' || webhook.status === 'deleted') {
      void deps.writer.record(delivery, { outcome: 'cancelled', at: deps.now(), reason: webhook.status });
      return;
    }
    if (isStale(delivery, webhook, deps.now())) {
      putBack(deps, delivery, webhook);
      return;
    }
    const presented = deps.presentedBy(webhook);
    if (presented instanceof Promise) {
      await presented;
      // From the beginning: the webhook may have changed while its credentials were being opened.
      return make(delivery, signal);
    }
    if (presented !== undefined && 'unreadable' in presented) {
      void deps.writer.record(delivery, { outcome: 'exhausted', at: deps.now(), reason: 'secret-unreadable' });
      return;
    }
    const target = targetOf(webhook, delivery.record.headers);
    const startedAt = deps.now();
    const call = {
      call: delivery.call,
      body: delivery.body,
      timeoutMs: timeoutOf(webhook),
      nonStrictSsl: webhook.nonStrictSsl,
      presented,
      allowLoopback: mayLoopBack(webhook, target),
      signal,
    };
    TO_CALL.publish(undefined);
    const answer = await deps.send(webhook, call, target);
    ANSWERED.publish(undefined);
    if (answer === 'held') {
      void deps.writer.record(delivery, heldBack(deps, webhook, target));
      return;
    }
    if (answer.abandoned) return;
    const outcome = toOutcome(deps, webhook, { delivery, target, startedAt }, answer);
    deps.onAttempted(delivery, outcome);
    if (isAwaited(webhook, outcome)) void deps.writer.record(delivery, outcome);
    else deps.writer.recordSoon(delivery, outcome);
  };
  return make;
};

/** Whether anything is to follow it at once: a retry, a fallback, the next one of its subject, whoever is told of a failure. */
const isAwaited = ({ ordering }: Webhook, { outcome }: Outcome): boolean =>
  ordering === 'key' || outcome !== 'succeeded';

/** Leave to call this machine was given to the one callback that our own process asked for. */
const mayLoopBack = ({ allowLoopback }: Webhook, target: AttemptTarget | undefined): boolean =>
  allowLoopback === true && target?.to !== 'fallback';

const timeoutOf = ({ timeoutMs, profile }: Webhook): number => timeoutMs ?? profileOf(profile).rules.timeoutMs;

/** What is stale is signed anew. In the order of its subject a row must hold its place; any other goes straight back. */
function putBack({ writer, now }: AttemptDeps, delivery: SignedDelivery, webhook: Webhook): void {
  if (placeInOrder(webhook, delivery.ids, delivery.record.headers)) {
    const at = now();
    void writer.record(delivery, parked(at, 'stale', { nextAttemptAt: at }));
  } else void writer.sendBack(delivery, requestedAgain(delivery, webhook));
}

/** How soon at least what is held back for itself is tried again: a trial may be under way. */
const HELD_MIN_MS = 1_000;

/** What the breaker holds back goes to the fallback now, or waits for its own endpoint; without a fallback, behind the gate. */
function heldBack(deps: AttemptDeps, webhook: Webhook, target: AttemptTarget | undefined): Outcome {
  const at = deps.now();
  const times = deps.heldTimes(webhook);
  if (!target) return parked(at, 'circuit-open', times);
  const other = targetWhenHeld(target, retryPolicyOf(webhook).delaysMs.length + 1);
  const nextAttemptAt = other ? at : Math.max(at + HELD_MIN_MS, deps.retryAt(webhook, target) ?? at);
  return { ...parked(at, 'circuit-open', { ...times, nextAttemptAt }), nextTarget: targetText(other ?? target) };
}

interface Made {
  readonly delivery: SignedDelivery;
  readonly target: AttemptTarget | undefined;
  readonly startedAt: number;
}

function toOutcome(
  deps: AttemptDeps,
  webhook: Webhook,
  { delivery, target, startedAt }: Made,
  answer: CallAnswer,
): Outcome {
  const nowMs = deps.now();
  const { statusCode, error, responseBody } = answer;
  const made: Attempt = {
    run: delivery.ids.run,
    number: delivery.ids.number,
    startedAt,
    durationMs: nowMs - startedAt,
    url: delivery.call.url,
    statusCode,
    error,
    responseBody,
    bodyHash: hash('sha256', delivery.body, 'base64url'),
    signingKeyIds: delivery.call.signingKeyIds,
    traceId: headerText(delivery.record.headers, HEADER.traceparent)?.split('-')[1] ?? '',
  };
  const retryAfterMs = readRetryAfter(answer.retryAfter, nowMs);
  const attempt = target?.to === 'fallback' ? { ...made, target: target.to } : made;
  const result = { statusCode, error, attempt, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return decideOutcome({ webhook, ids: delivery.ids, target, result, nowMs, jitter: deps.random() });
}

/** IMF-fixdate and the two obsolete forms (RFC 9110 §5.6.7) begin with the day's name. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

/** `Retry-After` in seconds or as an HTTP date (RFC 9110 §10.2.3), as milliseconds from now; undefined when it is neither. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim();
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // Date.parse alone would take "-5" for a year, and asctime's form, which names no zone, for local time.
  const at = HTTP_DATE.test(text) ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
