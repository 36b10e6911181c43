import type { DisableReason, Sealed, Webhook, WebhookEvent } from '@switchhook/contracts';
import { CommandRefused, type Decider } from './decider.js';
import { pauseAfter, type PauseOrder } from './pause.js';
import { applyChanges, withoutOptional, type WebhookChanges } from './webhook-settings.js';

export type WebhookState =
  | { readonly status: 'none' }
  | { readonly status: 'exists'; readonly webhook: Webhook; readonly causes: ReadonlySet<string> };

interface Issued {
  /** Epoch ms. */
  readonly now: number;
  /** A credential id, or `system` with the cause. */
  readonly by: string;
}
/** A command that follows from a fact: the same cause never acts twice. */
interface Caused {
  readonly cause?: string;
}

/** `changes` must have passed `readWebhookInput`. */
export type WebhookCommand =
  | (Issued & {
      readonly type: 'create';
      readonly id: number;
      readonly accountId: number;
      readonly changes: WebhookChanges;
      readonly secret?: Sealed;
      readonly allowLoopback?: boolean;
    })
  /** `secret`: null removes it. */
  | (Issued & { readonly type: 'change'; readonly changes: WebhookChanges; readonly secret?: Sealed | null })
  | PauseOrder
  | (Issued & Caused & { readonly type: 'disable'; readonly reason: DisableReason })
  | (Issued & Caused & { readonly type: 'spend' | 'expire' | 'delete' });

type WebhookEventType = WebhookEvent['type'];
type Status = Webhook['status'];

export const initialWebhook: WebhookState = { status: 'none' };

/**
 * The facts that a command leads to. Throws `CommandRefused`: `exists` for a second create, `not-found` where a customer
 * speaks of a webhook that is not there or was deleted. What follows from facts (disable, spend, expire) comes late and
 * twice, so it is passed over in silence where it no longer applies.
 */
export function decideWebhook(state: WebhookState, command: WebhookCommand): readonly WebhookEvent[] {
  switch (command.type) {
    case 'create':
      return create(state, command);
    case 'change':
      return change(existing(state), command);
    case 'pause':
    case 'resume':
      return order(existing(state), command);
    case 'delete':
      return caused(state, command) ? [] : move(existing(state), 'webhook.deleted', 'deleted', command);
    case 'disable':
      return follow(state, command, 'webhook.disabled', 'disabled', ['enabled']).map((fact) => ({
        ...fact,
        reason: command.reason,
      }));
    case 'spend':
      return follow(state, command, 'webhook.spent', 'spent', ['enabled', 'disabled']);
    case 'expire':
      return follow(state, command, 'webhook.expired', 'expired', ['enabled', 'disabled']);
    default: {
      const unknownCommand: never = command;
      throw new Error(`Unknown command: ${JSON.stringify(unknownCommand)}`);
    }
  }
}

/** Facts carry the full state, so that a reader needs only the last one. */
export function evolveWebhook(state: WebhookState, fact: WebhookEvent): WebhookState {
  const causes = state.status === 'none' ? new Set<string>() : state.causes;
  return {
    status: 'exists',
    webhook: fact.webhook,
    causes: fact.cause === undefined ? causes : new Set([...causes, fact.cause]),
  };
}

export const webhookDecider: Decider<WebhookState, WebhookCommand, WebhookEvent> = {
  initialState: initialWebhook,
  decide: decideWebhook,
  evolve: evolveWebhook,
};

function create(state: WebhookState, command: WebhookCommand & { type: 'create' }): readonly WebhookEvent[] {
  if (state.status !== 'none') throw new CommandRefused('exists', `Webhook ${command.id} exists already`);
  const { id, accountId, changes, secret, allowLoopback, now } = command;
  const webhook: Webhook = {
    id,
    accountId,
    version: 1,
    callVersion: 1,
    status: changes.enabled === false ? 'disabled' : 'enabled',
    ...applyChanges(undefined, changes),
    ...(secret !== undefined && { secret }),
    ...(allowLoopback && { allowLoopback }),
    createdAt: now,
    updatedAt: now,
  };
  return [factOf('webhook.created', command, webhook)];
}

function change(current: Webhook, command: WebhookCommand & { type: 'change' }): readonly WebhookEvent[] {
  const { changes, secret, now } = command;
  const changed: Webhook = { ...withoutOptional(current), ...applyChanges(current, changes) };
  if (secret === null) delete changed.secret;
  else if (secret !== undefined) changed.secret = secret;
  if (changed.profile !== current.profile && current.secret !== undefined && secret === undefined) {
    // The old secret is sealed: nobody here can tell whether it would be one for the new profile.
    throw new CommandRefused('invalid', 'secret: must be given again when the profile changes', 'secret');
  }
  changed.status = statusAfterChange(current.status, changed.expiresAt, changes.enabled, now);
  if (changed.status === 'enabled' && current.status !== 'enabled') changed.enabledAt = now;
  if (sameText(changed, current)) return [];
  return [factOf('webhook.changed', command, nextVersion(current, changed, now))];
}

function order(current: Webhook, command: PauseOrder): readonly WebhookEvent[] {
  const pause = pauseAfter(current.pause, command);
  if (pause === 'same') return [];
  const { pause: _before, ...rest } = current;
  const changed = pause ? { ...rest, pause } : rest;
  const type = pause ? 'webhook.paused' : 'webhook.resumed';
  return [factOf(type, command, nextVersion(current, changed, command.now))];
}

/** An expired webhook comes back when its expiry is lifted; a spent one does not. */
function statusAfterChange(
  status: Status,
  expiresAt: number | undefined,
  enabled: boolean | null | undefined,
  now: number,
): Status {
  if (status === 'spent' || (status === 'expired' && expiresAt !== undefined && expiresAt <= now)) return status;
  if (enabled === undefined) return status === 'expired' ? 'enabled' : status;
  return enabled === false ? 'disabled' : 'enabled';
}

/** For commands of our own making: nothing happens where the webhook is gone, the cause is known or the status is another. */
function follow(
  state: WebhookState,
  command: Issued & Caused,
  type: WebhookEventType,
  status: Status,
  from: readonly Status[],
): readonly WebhookEvent[] {
  if (state.status === 'none' || caused(state, command) || !from.includes(state.webhook.status)) return [];
  return move(state.webhook, type, status, command);
}

const move = (current: Webhook, type: WebhookEventType, status: Status, command: Issued & Caused): WebhookEvent[] => [
  factOf(type, command, nextVersion(current, { ...current, status }, command.now)),
];

function existing(state: WebhookState): Webhook {
  if (state.status === 'none' || state.webhook.status === 'deleted') {
    throw new CommandRefused('not-found', 'The webhook does not exist');
  }
  return state.webhook;
}

const caused = (state: WebhookState, { cause }: Caused): boolean =>
  cause !== undefined && state.status !== 'none' && state.causes.has(cause);

function factOf(type: WebhookEventType, { now, by, cause }: Issued & Caused, webhook: Webhook): WebhookEvent {
  return { type, at: now, by, ...(cause !== undefined && { cause }), webhook };
}

function nextVersion(current: Webhook, changed: Webhook, now: number): Webhook {
  const version = current.version + 1;
  const callVersion = sameCall(current, changed) ? current.callVersion : version;
  return { ...changed, version, callVersion, updatedAt: now };
}

/** Whether a call that was signed under `before` may still go out (correctness.md §3). */
const sameCall = (before: Webhook, after: Webhook): boolean =>
  before.callback === after.callback &&
  before.fallbackCallback === after.fallbackCallback &&
  before.profile === after.profile &&
  before.fields === after.fields &&
  before.nonStrictSsl === after.nonStrictSsl &&
  sameText(before.secret, after.secret) &&
  sameText(before.auth, after.auth) &&
  sameText(before.headers, after.headers) &&
  sameText(before.tls, after.tls);

const sameText = (one: unknown, other: unknown): boolean => sortedText(one) === sortedText(other);

const sortedText = (value: unknown): string | undefined =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
