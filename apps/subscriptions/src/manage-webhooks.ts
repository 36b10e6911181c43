import type { Webhook } from '@switchhook/contracts';
import {
  CommandRefused,
  WEBHOOK_DEFAULTS,
  addressAllowed,
  profileOf,
  readWebhookInput,
  type WebhookInput,
} from '@switchhook/domain';
import type { Relay } from '@switchhook/event-store';
import { HttpFault, seal, type Actor, type KeyRing, type LoopbackGrants } from '@switchhook/platform';
import { acknowledged, isNotYetRelayed } from './acknowledgement.js';
import { readId } from './query.js';
import { badInput } from './refusals.js';
import type { RepeatedCreates, UnansweredCreate } from './repeated-creates.js';
import { commandWebhook, type WebhookCommandDeps } from './webhook-commands.js';
import type { Page, PageRequest, WebhookFilter, WebhookTable } from './webhook-table.js';

export interface ManageWebhooksDeps extends WebhookCommandDeps {
  readonly table: WebhookTable;
  readonly repeats: RepeatedCreates;
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
  const unanswered = await deps.repeats.recall(actor, body);
  if (unanswered && (await deps.table.get(actor.accountId, unanswered.webhookId))) {
    return answerAgain(deps, actor, unanswered);
  }
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
  try {
    await acknowledged(deps, appended, `webhook ${id}`);
  } catch (error) {
    const position = appended?.position ?? 0;
    const create = { webhookId: id, position, madeSecret: made !== undefined };
    if (isNotYetRelayed(error)) await deps.repeats.remember(actor, body, create);
    throw error;
  }
  return { id, ...(made !== undefined && { secret: made }) };
}

/** The answer that the client did not get. A secret that we made is made anew: the first one was shown to nobody. */
async function answerAgain(
  deps: ManageWebhooksDeps,
  actor: Actor,
  { webhookId, position, madeSecret }: UnansweredCreate,
): Promise<Created> {
  const webhook = await existing(deps, actor, String(webhookId));
  const made = madeSecret ? newSecret(deps, webhook.profile) : undefined;
  if (made === undefined) {
    await acknowledged(deps, { position }, `webhook ${webhookId}`);
    return { id: webhookId };
  }
  const secret = await sealed(deps, actor.accountId, webhookId, made);
  const command = { type: 'change' as const, ...issuedBy(deps, actor), changes: {}, secret };
  const { appended } = await commandWebhook(deps, webhookId, command);
  await acknowledged(deps, appended, `webhook ${webhookId}`);
  return { id: webhookId, secret: made };
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
    if (state.status === 'none' || state.webhook.version === current.version) return true;
    throw new HttpFault('conflict', 'The webhook was changed at the same moment; send the request again');
  });
  await acknowledged(deps, appended, `webhook ${id}`);
}

async function remove(deps: ManageWebhooksDeps, actor: Actor, id: string): Promise<void> {
  const webhookId = readId(id) ?? 0;
  const command = { type: 'delete' as const, ...issuedBy(deps, actor) };
  const { appended } = await commandWebhook(deps, webhookId, command, (state) => {
    if (state.status === 'none' || state.webhook.accountId === actor.accountId) return true;
    throw new CommandRefused('not-found', NOT_THERE);
  });
  await acknowledged(deps, appended, `webhook ${id}`);
}

async function existing({ table }: ManageWebhooksDeps, { accountId }: Actor, id: string): Promise<Webhook> {
  const webhookId = readId(id);
  const webhook = webhookId === null ? null : await table.get(accountId, webhookId);
  if (!webhook) throw new HttpFault('unknownId', NOT_THERE);
  return webhook;
}

const NOT_THERE = 'The webhook does not exist';

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
