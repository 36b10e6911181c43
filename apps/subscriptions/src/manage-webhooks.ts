import type { Sealed, Webhook } from '@switchhook/contracts';
import { CommandRefused, profileOf, type WebhookInput } from '@switchhook/domain';
import { HttpFault, type Actor } from '@switchhook/platform';
import { acknowledged } from './acknowledgement.js';
import { createWebhook, type Created } from './create-webhook.js';
import { readId } from './query.js';
import { badInput } from './refusals.js';
import { sealedCredentials } from './sealed-credentials.js';
import { commandWebhook } from './webhook-commands.js';
import { NOT_THERE, existing, issuedBy, readInput, type ManageWebhooksDeps } from './webhook-request.js';
import { sealedSecret } from './webhook-secret.js';

/** The webhook operations of the API, each within the actor's account. They throw `HttpFault`. */
export interface ManageWebhooks {
  create(actor: Actor, body: unknown): Promise<Created>;
  change(actor: Actor, id: string, body: unknown): Promise<void>;
  delete(actor: Actor, id: string): Promise<void>;
  get(actor: Actor, id: string): Promise<Webhook>;
}

export const manageWebhooks = (deps: ManageWebhooksDeps): ManageWebhooks => ({
  create: (actor, body) => createWebhook(deps, actor, body),
  change: (actor, id, body) => change(deps, actor, id, body),
  delete: (actor, id) => remove(deps, actor, id),
  get: (actor, id) => existing(deps, actor, id),
});

async function change(deps: ManageWebhooksDeps, actor: Actor, id: string, body: unknown): Promise<void> {
  const current = await existing(deps, actor, id);
  const input = readInput(deps, body, current);
  refuseUnsigned(current, input);
  const secret = await sealedChange(deps, current, input.secret);
  const { accountId, id: webhookId } = current;
  const credentials = await sealedCredentials(deps, { accountId, webhookId }, input.credentials);
  const command = {
    type: 'change' as const,
    ...issuedBy(deps, actor),
    changes: { ...input.changes, ...credentials },
    ...(secret !== undefined && { secret }),
  };
  const { appended } = await commandWebhook(deps, current.id, command, (state) => {
    // The body was checked against `current`: events against its resource, the secret against its profile.
    if (state.status === 'none' || state.webhook.version === current.version) return true;
    throw new HttpFault('conflict', 'The webhook was changed at the same moment; send the request again');
  });
  await acknowledged(deps, appended, `webhook ${id}`);
}

/** A profile that signs by default needs a secret; an update cannot answer with one that we made. */
function refuseUnsigned(current: Webhook, { changes, secret }: WebhookInput): void {
  const profile = changes.profile ?? current.profile;
  const signs = profile !== current.profile && profileOf(profile).rules.generatedSecretBytes > 0;
  if (!signs || current.secret !== undefined || secret !== undefined) return;
  throw badInput([{ field: 'secret', message: `secret: must be given when the profile becomes ${profile}` }]);
}

/** Null removes the secret; undefined leaves it. */
const sealedChange = async (
  deps: ManageWebhooksDeps,
  { accountId, id: webhookId }: Webhook,
  secret: string | null | undefined,
): Promise<Sealed | null | undefined> =>
  typeof secret === 'string' ? sealedSecret(deps, { accountId, webhookId }, secret) : secret;

async function remove(deps: ManageWebhooksDeps, actor: Actor, id: string): Promise<void> {
  const webhookId = readId(id) ?? 0;
  const command = { type: 'delete' as const, ...issuedBy(deps, actor) };
  const { appended } = await commandWebhook(deps, webhookId, command, (state) => {
    if (state.status === 'none' || state.webhook.accountId === actor.accountId) return true;
    throw new CommandRefused('not-found', NOT_THERE);
  });
  await acknowledged(deps, appended, `webhook ${id}`);
}
