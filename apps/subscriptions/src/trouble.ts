import {
  HEADER,
  OutcomeSchema,
  headerText,
  isAboutWebhooks,
  splitParts,
  type Outcome,
  type Webhook,
} from '@switchhook/contracts';
import { attemptName, consequenceOf, parseAttributes, type FinishedCall, type Notices } from '@switchhook/domain';
import type { OutcomeOfWebhook } from './outcome-of-webhook.js';

/** What an outcome that is no success says about its webhook. */
export interface Trouble {
  readonly deliveryId: string;
  /** Absent where there was no call. */
  readonly call?: FinishedCall;
  /** The delivery has ended: what is to be said of it, under a name of its own. */
  readonly exhausted?: { readonly id: string; readonly data: Notices['Exhausted'] };
  /** It is about an event about webhooks, which never causes another. */
  readonly isSilent: () => boolean;
}

/** Reads it; undefined for an outcome that says nothing about the webhook (parked, cancelled), or that nobody can read. */
export function readTrouble(outcome: OutcomeOfWebhook, webhook: Webhook): Trouble | undefined {
  try {
    return troubleIn(outcome, webhook);
  } catch {
    // Delivery reads the same record, and refuses it for all.
    return undefined;
  }
}

function troubleIn(outcome: OutcomeOfWebhook, webhook: Webhook): Trouble | undefined {
  const { name } = outcome;
  const { deliveryId } = outcome.ids;
  // Only asked where something follows.
  const isSilent = (): boolean => isAboutWebhooks(eventOf(outcome).type);
  if (name === 'attempted') return { deliveryId, isSilent, call: callOf(outcome, 'failed') };
  if (name !== 'exhausted' && name !== 'expired') return undefined;
  const facts = factsOf(outcome);
  const isGone =
    facts.attempt?.target === undefined && facts.attempt && consequenceOf(webhook, facts.attempt) === 'disable';
  const call = facts.attempt && callOf(outcome, isGone ? 'gone' : 'failed');
  return {
    deliveryId,
    isSilent,
    ...(call && { call }),
    ...(!isSilent() && { exhausted: exhaustedBy(outcome, facts) }),
  };
}

const callOf = ({ record, ids }: OutcomeOfWebhook, result: 'failed' | 'gone'): FinishedCall => ({
  attempt: attemptName(ids),
  at: record.appendedAtMs,
  webhookVersion: ids.webhookVersion,
  result,
});

const eventOf = ({ record }: OutcomeOfWebhook) => parseAttributes(headerText(record.headers, HEADER.attributes) ?? '');

function factsOf({ record }: OutcomeOfWebhook): Outcome {
  const [text] = splitParts(record.value ?? Buffer.alloc(0), record.headers);
  return OutcomeSchema.parse(JSON.parse(text?.toString('utf8') ?? ''));
}

function exhaustedBy(ended: OutcomeOfWebhook, { outcome, reason }: Outcome) {
  const { appendedAtMs: at } = ended.record;
  const { deliveryId, webhookId, run } = ended.ids;
  const { id, source, type } = eventOf(ended);
  const data: Notices['Exhausted'] = {
    count: 1,
    from: at,
    to: at,
    deliveryId,
    status: outcome === 'expired' ? 'expired' : 'exhausted',
    reason: reason ?? outcome,
    eventId: id,
    eventSource: source,
    eventType: type,
  };
  return { id: `exhausted:${webhookId}:${deliveryId}/${run}`, data };
}
