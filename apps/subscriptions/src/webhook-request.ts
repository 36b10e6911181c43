import type { Webhook } from '@switchhook/contracts';
import { addressAllowed, readWebhookInput, type WebhookInput } from '@switchhook/domain';
import type { Relay } from '@switchhook/event-store';
import { HttpFault, type Actor, type KeyRing, type LoopbackGrants } from '@switchhook/platform';
import { readId } from './query.js';
import { badInput } from './refusals.js';
import type { RepeatedCreates } from './repeated-creates.js';
import { tlsFaults } from './tls-faults.js';
import type { WebhookCommandDeps } from './webhook-commands.js';
import type { WebhookTable } from './webhook-table.js';

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

export const NOT_THERE = 'The webhook does not exist';

/** The webhook of that id in the actor's account. Throws a 404 for any other. */
export async function existing(
  { table }: Pick<ManageWebhooksDeps, 'table'>,
  { accountId }: Actor,
  id: string,
): Promise<Webhook> {
  const webhookId = readId(id);
  const webhook = webhookId === null ? null : await table.get(accountId, webhookId);
  if (!webhook) throw new HttpFault('unknownId', NOT_THERE);
  return webhook;
}

/** What the body of a create, or of a change of `current`, asks for. Throws a 400 that lists every fault. */
export function readInput(
  { allowPrivate, now }: Pick<ManageWebhooksDeps, 'allowPrivate' | 'now'>,
  body: unknown,
  current?: Webhook,
): WebhookInput {
  const read = readWebhookInput(body, {
    current,
    addressAllowed: (ip) => addressAllowed(ip, allowPrivate),
    tlsFaults: (texts) => tlsFaults(texts, now()),
  });
  if ('faults' in read) throw badInput(read.faults);
  return read.input;
}

/** When, and by which credential. */
export const issuedBy = (
  { now }: Pick<ManageWebhooksDeps, 'now'>,
  { credentialId }: Actor,
): { now: number; by: string } => ({ now: now(), by: String(credentialId) });
