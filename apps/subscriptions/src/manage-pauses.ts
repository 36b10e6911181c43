import { PauseRequestSchema, type PausedScope, type PauseRequest } from '@switchhook/contracts';
import { CommandRefused, pauseDecider, type PauseOrder } from '@switchhook/domain';
import { handleCommand, type Relay } from '@switchhook/event-store';
import { HttpFault, validate, type AccountDirectory, type Actor, type WebhookDirectory } from '@switchhook/platform';
import type { Logger } from 'pino';
import { acknowledged } from './acknowledgement.js';
import { answeringRefusals } from './refusals.js';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';
import { NOT_THERE } from './webhook-request.js';
import type { Page, PageRequest } from './webhook-table.js';

export interface ManagePausesDeps extends WebhookCommandDeps {
  readonly relay: Pick<Relay, 'relayed'>;
  readonly directory: Pick<WebhookDirectory, 'pauses' | 'reachEnd'>;
  readonly accounts: AccountDirectory;
  readonly now: () => number;
  readonly logger: Pick<Logger, 'warn'>;
}

/**
 * Holds deliveries, and lets them go on: all, an account's, a webhook's. The platform's credential may hold anything, an
 * account's only what is its own. They throw `HttpFault`.
 */
export interface ManagePauses {
  pause(actor: Actor, body: unknown): Promise<PausedScope>;
  resume(actor: Actor, body: unknown): Promise<PausedScope>;
  /** What is paused and concerns the actor. */
  find(actor: Actor, page: PageRequest): Page<PausedScope>;
}

export const managePauses = (deps: ManagePausesDeps): ManagePauses => ({
  pause: (actor, body) => give(deps, actor, 'pause', body),
  resume: (actor, body) => give(deps, actor, 'resume', body),
  find: ({ accountId, anyAccount }, { offset, limit }) => {
    const concerned = deps.directory.pauses
      .list()
      .filter((one) => anyAccount || one.scope === 'all' || one.accountId === accountId);
    return { items: concerned.slice(offset, offset + limit), totalCount: concerned.length };
  },
});

type Scope = Pick<PausedScope, 'scope' | 'accountId' | 'webhookId'>;

async function give(
  deps: ManagePausesDeps,
  actor: Actor,
  type: PauseOrder['type'],
  body: unknown,
): Promise<PausedScope> {
  const request = validate(PauseRequestSchema, body ?? {});
  const order: PauseOrder = { type, now: deps.now(), by: String(actor.credentialId), role: actor.role };
  const { webhookId } = request;
  const given =
    webhookId === undefined
      ? await orderScope(deps, scopeOf(actor, request), order)
      : await orderWebhook(deps, actor, webhookId, order);
  const { scope, pause, appended } = given;
  // So that whoever gets the answer meets a service that knows.
  const afterRelay = (): Promise<void> => deps.directory.reachEnd();
  await acknowledged({ relay: deps.relay, afterRelay }, appended, nameOf(scope));
  if (appended) deps.logger.warn({ ...scope, by: order.by, role: order.role }, `deliveries ${type}d`);
  return { ...scope, paused: pause !== undefined, ...pause };
}

/** What a request without a webhook is about. Throws a 403 for another account than the one that the actor acts for. */
function scopeOf({ accountId, anyAccount }: Actor, request: PauseRequest): Scope {
  if (request.accountId === undefined) return anyAccount ? { scope: 'all' } : { scope: 'account', accountId };
  if (anyAccount || request.accountId === accountId) return { scope: 'account', accountId: request.accountId };
  throw new HttpFault('otherAccount', `accountId: the request acts for account ${accountId}`);
}

async function orderScope({ commands, accounts }: ManagePausesDeps, scope: Scope, order: PauseOrder) {
  const { accountId } = scope;
  if (accountId !== undefined && !(await exists(accounts, accountId))) {
    throw new HttpFault('unknownId', `There is no account ${accountId}`);
  }
  const { state, appended } = await answeringRefusals(() =>
    handleCommand(commands, {
      streamId: accountId === undefined ? 'pause-all' : `pause-account-${accountId}`,
      ...pauseDecider,
      decide: (before) => pauseDecider.decide(before, { ...order, accountId }),
      typeOf: (fact) => fact.type,
    }),
  );
  return { scope, pause: state.pause, appended };
}

async function orderWebhook(deps: ManagePausesDeps, actor: Actor, webhookId: number, order: PauseOrder) {
  const { state, appended } = await commandWebhook(deps, webhookId, order, (before) => {
    const isTheirs = before.status === 'none' || actor.anyAccount || before.webhook.accountId === actor.accountId;
    if (!isTheirs) throw new CommandRefused('not-found', NOT_THERE);
    return true;
  });
  if (state.status === 'none') throw new HttpFault('unknownId', NOT_THERE);
  const { accountId, pause } = state.webhook;
  return { scope: { scope: 'webhook' as const, accountId, webhookId }, pause, appended };
}

/** One that came into being a moment ago may not be known yet. */
async function exists(accounts: AccountDirectory, accountId: number): Promise<boolean> {
  if (accounts.exists(accountId)) return true;
  await accounts.reachEnd();
  return accounts.exists(accountId);
}

const nameOf = ({ scope, accountId, webhookId }: Scope): string =>
  scope === 'all' ? 'all deliveries' : `the deliveries of ${scope} ${webhookId ?? accountId}`;
