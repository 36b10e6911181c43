import type { Appended } from '@switchhook/event-store';
import type { Actor } from '@switchhook/platform';
import { acknowledged, isNotYetRelayed } from './acknowledgement.js';
import type { UnansweredCreate } from './repeated-creates.js';
import { sealedCredentials } from './sealed-credentials.js';
import { commandWebhook } from './webhook-commands.js';
import { existing, issuedBy, readInput, type ManageWebhooksDeps } from './webhook-request.js';
import { newSecret, sealedSecret } from './webhook-secret.js';

/** The answer to a create. `secret` is there when we made it: nobody can read it again. */
export interface Created {
  readonly id: number;
  readonly secret?: string;
}

/**
 * Creates a webhook and answers when its event is on the log. Throws `HttpFault`: after its 503 the webhook stands, and
 * the same body from the same credential within a minute is answered with it.
 */
export async function createWebhook(deps: ManageWebhooksDeps, actor: Actor, body: unknown): Promise<Created> {
  const granted = isGranted(deps, actor, body);
  const input = readInput(granted ? { ...deps, allowPrivate: LOOPBACK_CIDRS } : deps, body);
  const unanswered = await deps.repeats.recall(actor, body);
  if (unanswered && (await deps.table.get(actor.accountId, unanswered.webhookId))) {
    return answerAgain(deps, actor, unanswered);
  }
  const webhookId = await deps.table.nextId();
  const { accountId } = actor;
  const made = input.secret === undefined ? newSecret(deps, input.changes.profile) : undefined;
  const secret = input.secret ?? made;
  const { appended } = await commandWebhook(deps, webhookId, {
    type: 'create',
    ...issuedBy(deps, actor),
    ...{ id: webhookId, accountId },
    changes: { ...input.changes, ...(await sealedCredentials(deps, { accountId, webhookId }, input.credentials)) },
    ...(granted && { allowLoopback: true }),
    ...(secret !== undefined && { secret: await sealedSecret(deps, { accountId, webhookId }, secret) }),
  });
  await acknowledgedOrRemembered(deps, actor, body, { webhookId, appended, madeSecret: made !== undefined });
  return { id: webhookId, ...(made !== undefined && { secret: made }) };
}

const LOOPBACK_CIDRS = ['127.0.0.0/8', '::1/128'];

function isGranted({ loopbackGrants }: ManageWebhooksDeps, { accountId }: Actor, body: unknown): boolean {
  const callback = (body as { callback?: unknown } | null | undefined)?.callback;
  return typeof callback === 'string' && loopbackGrants.allows(accountId, callback);
}

async function acknowledgedOrRemembered(
  deps: ManageWebhooksDeps,
  actor: Actor,
  body: unknown,
  { webhookId, appended, madeSecret }: { webhookId: number; appended: Appended | null; madeSecret: boolean },
): Promise<void> {
  try {
    await acknowledged(deps, appended, `webhook ${webhookId}`);
  } catch (error) {
    if (appended && isNotYetRelayed(error)) {
      await deps.repeats.remember(actor, body, { webhookId, position: appended.position, madeSecret });
    }
    throw error;
  }
}

/** The answer that the client did not get. A secret that we made is made anew: the first one was shown to nobody. */
async function answerAgain(
  deps: ManageWebhooksDeps,
  actor: Actor,
  { webhookId, position, madeSecret }: UnansweredCreate,
): Promise<Created> {
  const { accountId, profile } = await existing(deps, actor, String(webhookId));
  const made = madeSecret ? newSecret(deps, profile) : undefined;
  if (made === undefined) {
    await acknowledged(deps, { position }, `webhook ${webhookId}`);
    return { id: webhookId };
  }
  const secret = await sealedSecret(deps, { accountId, webhookId }, made);
  const command = { type: 'change' as const, ...issuedBy(deps, actor), changes: {}, secret };
  const { appended } = await commandWebhook(deps, webhookId, command);
  await acknowledged(deps, appended, `webhook ${webhookId}`);
  return { id: webhookId, secret: made };
}
