import type { Webhook } from '@switchhook/contracts';
import {
  CommandRefused,
  WEBHOOK_DEFAULTS,
  addressAllowed,
  profileOf,
  readWebhookInput,
  type WebhookInput,
  type WebhookState,
} from '@switchhook/domain';
import type { Relay } from '@switchhook/event-store';
import { HttpFault, seal, type Actor, type KeyRing, type LoopbackGrants } from '@switchhook/platform';
import { acknowledged } from './acknowledgement.js';
import { readId } from './query.js';
import { badInput } from './refusals.js';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';
import type { Page, PageRequest, WebhookFilter, WebhookTable } from './webhook-table.js';

export interface ManageWebhooksDeps extends WebhookCommandDeps {
  readonly table: WebhookTable;
  readonly relay: Pick<Relay, 'relayed'>;
  readonly keyRing: KeyRing;
  /** CIDRs that callbacks may name although they are not public. */
  readonly allowPrivate: readonly string[];
  /** Callbacks on this machine that our own process asked for: the sample event's receiver. */
  readonly loopbackGrants: Pick<LoopbackGrants, 'allows'>;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
}

/** The answer to a create. `secret` is there when we made it: nobody can read it again. */
export interface Created {
  readonly id: number;
  readonly secret?: string;
}

/** The webhook operations of the API, each within the actor's account. They throw `HttpFault`. */
export interface ManageWebhooks {
  create(actor: Actor, body: unknown): Promise<Created>;
  change(actor: Actor, id: string, body: unknown): Promise<void>;
  delete(actor: Actor, id: string): Promise<void>;
  get(actor: Actor, id: string): Promise<Webhook>;
  find(actor: Actor, filter: WebhookFilter, page: PageRequest): Promise<Page<Webhook>>;
}

export const manageWebhooks = (deps: ManageWebhooksDeps): ManageWebhooks => ({
  create: (actor, body) => create(deps, actor, body),
  change: (actor, id, body) => change(deps, actor, id, body),
  delete: (actor, id) => remove(deps, actor, id),
  get: (actor, id) => existing(deps, actor, id),
  find: (actor, filter, page) => deps.table.find(actor.accountId, filter, page),
});

async function create(deps: ManageWebhooksDeps, actor: Actor, body: unknown): Promise<Created> {
  const granted = isGranted(deps, actor, body);
  const { changes, secret: given } = readInput(granted ? { allowPrivate: LOOPBACK_CIDRS } : deps, body);
  const id = await deps.table.nextId();
  const made = given === undefined ? newSecret(deps, changes.profile) : undefined;
  const secret = given ?? made;
  const { appended } = await commandWebhook(deps, id, {
    type: 'create',
    ...issuedBy(deps, actor),
    id,
    accountId: actor.accountId,
    changes,
    ...(granted && { allowLoopback: true }),
    ...(secret !== undefined && { secret: await sealed(deps, actor.accountId, id, secret) }),
  });
  await acknowledged(deps.relay, appended, `webhook ${id}`);
  return { id, ...(made !== undefined && { secret: made }) };
}

async function change(deps: ManageWebhooksDeps, actor: Actor, id: string, body: unknown): Promise<void> {
  const current = await existing(deps, actor, id);
  const { changes, secret } = readInput(deps, body, current);
  const command = {
    type: 'change' as const,
    ...issuedBy(deps, actor),
    changes,
    ...(secret !== undefined && {
      secret: secret === null ? null : await sealed(deps, current.accountId, current.id, secret),
    }),
  };
  const { appended } = await commandWebhook(deps, current.id, command, (state) => {
    // The body was checked against `current`: events against its resource, the secret against its profile.
    if (state.status === 'exists' && state.webhook.version !== current.version) {
      throw new HttpFault('conflict', 'The webhook was changed at the same moment; send the request again');
    }
  });
  await acknowledged(deps.relay, appended, `webhook ${id}`);
}

async function remove(deps: ManageWebhooksDeps, actor: Actor, id: string): Promise<void> {
  const webhookId = readId(id) ?? 0;
  const command = { type: 'delete' as const, ...issuedBy(deps, actor) };
  const check = (state: WebhookState): void => {
    if (state.status === 'exists' && state.webhook.accountId !== actor.accountId) throw notThere();
  };
  const { appended } = await commandWebhook(deps, webhookId, command, check);
  await acknowledged(deps.relay, appended, `webhook ${id}`);
}

async function existing({ table }: ManageWebhooksDeps, { accountId }: Actor, id: string): Promise<Webhook> {
  const webhookId = readId(id);
  const webhook = webhookId === null ? null : await table.get(accountId, webhookId);
  if (!webhook) throw new HttpFault('unknownId', notThere().message);
  return webhook;
}

const notThere = (): CommandRefused => new CommandRefused('not-found', 'The webhook does not exist');

const LOOPBACK_CIDRS = ['127.0.0.0/8', '::1/128'];

function isGranted({ loopbackGrants }: ManageWebhooksDeps, { accountId }: Actor, body: unknown): boolean {
  const callback = (body as { callback?: unknown } | null | undefined)?.callback;
  return typeof callback === 'string' && loopbackGrants.allows(accountId, callback);
}

function readInput(
  { allowPrivate }: Pick<ManageWebhooksDeps, 'allowPrivate'>,
  body: unknown,
  current?: Webhook,
): WebhookInput {
  const read = readWebhookInput(body, { current, addressAllowed: (ip) => addressAllowed(ip, allowPrivate) });
  if ('faults' in read) throw badInput(read.faults);
  return read.input;
}

const issuedBy = ({ now }: ManageWebhooksDeps, { credentialId }: Actor): { now: number; by: string } => ({
  now: now(),
  by: String(credentialId),
});

/** The secret that a new webhook gets without asking, where its profile makes one. */
function newSecret({ randomBytes }: ManageWebhooksDeps, name: WebhookInput['changes']['profile']): string | undefined {
  const profile = profileOf(name ?? WEBHOOK_DEFAULTS.profile);
  const size = profile.rules.generatedSecretBytes;
  return size > 0 ? profile.keyToSecret(randomBytes(size)) : undefined;
}

/** Sealed to signing before it reaches anything that is kept. */
const sealed = ({ keyRing }: ManageWebhooksDeps, accountId: number, webhookId: number, secret: string) =>
  seal(keyRing, 'signing', { accountId, webhookId, field: 'secret' }, secret);
