import type { Outcome, Webhook } from '@switchhook/contracts';
import { hasAttemptIds, outcomeRecord, retryPolicyOf } from '@switchhook/domain';
import { HoldError, toRejected, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import { prepareCall } from './prepare-call.js';
import { readRequested, type Requested, type UnreadableRequest } from './requested.js';
import type { Keys, UnreadableSecret } from './signing-keys.js';

/** Outcomes that signing decides: the attempt ends before there is a call. */
export type Refusal = Extract<Outcome['outcome'], 'cancelled' | 'expired' | 'exhausted' | 'rejected'>;

/** Every webhook in its newest version, as far as `webhooks.v1` has been read. */
export interface Webhooks {
  has(webhookId: number, version: number): boolean;
  get(webhookId: number): Webhook | undefined;
  /** Resolves when what `webhooks.v1` has now has been read. */
  reachEnd(): Promise<void>;
}

export interface KeysOfWebhooks {
  keysOf(webhook: Webhook): Keys | UnreadableSecret | Promise<Keys | UnreadableSecret>;
}

export interface SignCounters {
  refused(refusal: Refusal): void;
  /** Milliseconds at which the log took a record that has now been worked off. */
  done(appendedAtMs: number): void;
}

export interface SignDeps {
  readonly webhooks: Webhooks;
  readonly keys: KeysOfWebhooks;
  readonly counters: SignCounters;
  readonly now: () => number;
}

export type SignRequests = (batch: { readonly records: readonly LogRecord[] }) => Promise<OutgoingRecord[]>;

/** A request whose webhook is there and wants it. */
interface Wanted {
  readonly requested: Requested;
  readonly webhook: Webhook;
  readonly keys: Keys | UnreadableSecret | Promise<Keys | UnreadableSecret>;
}

type Step = Wanted | readonly OutgoingRecord[];

/**
 * Works a batch of `deliveries.requested.v1` off, in its order: each request becomes a signed call, or the outcome that says
 * why there is none. Throws `HoldError` while a record needs a webhook version, or a layout, that is not known here yet.
 */
export const sign =
  (deps: SignDeps): SignRequests =>
  async ({ records }) => {
    const requests = records.map(readRequested);
    if (!requests.every((each) => isKnown(deps.webhooks, each))) await untilKnown(deps.webhooks, requests);
    const nowMs = deps.now();
    // All that must be opened is begun before anything is awaited.
    const steps = requests.map((each) => begin(deps, each, nowMs));
    const outputs: OutgoingRecord[] = [];
    for (const step of steps) {
      if (!isWanted(step)) outputs.push(...step);
      else {
        const keys = step.keys instanceof Promise ? await step.keys : step.keys;
        outputs.push(...finish(deps, step, keys));
      }
    }
    for (const record of records) deps.counters.done(record.appendedAtMs);
    return outputs;
  };

const isWanted = (step: Step): step is Wanted => 'requested' in step;

const isKnown = (webhooks: Webhooks, request: Requested | UnreadableRequest): boolean =>
  'unreadable' in request || webhooks.has(request.ids.webhookId, request.ids.webhookVersion);

/** Absence is never an answer (correctness.md §3): what is not there yet is on its way. */
async function untilKnown(webhooks: Webhooks, requests: readonly (Requested | UnreadableRequest)[]): Promise<void> {
  await webhooks.reachEnd();
  const missing = requests.find((request) => !isKnown(webhooks, request));
  if (missing === undefined || 'unreadable' in missing) return;
  const { webhookId, webhookVersion } = missing.ids;
  throw new HoldError(`Version ${webhookVersion} of webhook ${webhookId} is not known here yet`);
}

function begin(deps: SignDeps, request: Requested | UnreadableRequest, nowMs: number): Step {
  if ('unreadable' in request) return rejected(deps, request, nowMs);
  const { record, ids } = request;
  const webhook = deps.webhooks.get(ids.webhookId);
  if (webhook?.accountId !== ids.accountId) {
    // Accounts are walls: no record, whoever wrote it, makes one account's event a call of another's webhook.
    const unreadable = `Webhook ${ids.webhookId} is not of account ${ids.accountId}`;
    return rejected(deps, { record, unreadable }, nowMs);
  }
  if (webhook.status === 'disabled' || webhook.status === 'deleted') {
    return refuse(deps, record, 'cancelled', webhook.status, nowMs);
  }
  if (nowMs - ids.acceptedAt > retryPolicyOf(webhook).maxAgeMs) {
    return refuse(deps, record, 'expired', 'max-age', nowMs);
  }
  return { requested: request, webhook, keys: deps.keys.keysOf(webhook) };
}

function finish(
  deps: SignDeps,
  { requested, webhook }: Wanted,
  keys: Keys | UnreadableSecret,
): readonly OutgoingRecord[] {
  const { record } = requested;
  const nowMs = deps.now();
  if ('unreadable' in keys) return refuse(deps, record, 'exhausted', 'secret-unreadable', nowMs);
  let signed: ReturnType<typeof prepareCall>;
  try {
    signed = prepareCall(requested, webhook, keys, nowMs);
  } catch (error) {
    // Data that its profile cannot render will not change: an end that is seen, rather than a partition that stands.
    return rejected(deps, { record, unreadable: error instanceof Error ? error.message : String(error) }, nowMs);
  }
  return 'tooLarge' in signed ? refuse(deps, record, 'exhausted', 'too-large', nowMs) : [signed];
}

function refuse(
  { counters }: SignDeps,
  record: LogRecord,
  refusal: Refusal,
  reason: string,
  nowMs: number,
): readonly OutgoingRecord[] {
  counters.refused(refusal);
  return [outcomeRecord(record, { outcome: refusal, at: nowMs, reason })];
}

/** The record is kept as it was; its delivery ends, where it can be told which one it is. */
function rejected(deps: SignDeps, { record, unreadable }: UnreadableRequest, nowMs: number): readonly OutgoingRecord[] {
  const kept = toRejected(record, 'unreadable', unreadable);
  if (!hasAttemptIds(record.headers)) return [kept];
  return [kept, ...refuse(deps, record, 'rejected', 'unreadable', nowMs)];
}
