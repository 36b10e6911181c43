import type { Credential, CredentialEvent } from '@switchhook/contracts';
import {
  CommandRefused,
  decideCredential,
  evolveCredential,
  initialCredential,
  type CredentialCommand,
  type CredentialState,
} from '@switchhook/domain';
import { handleCommand, type CommandDeps, type Relay } from '@switchhook/event-store';
import {
  HttpFault,
  credentialSecrets,
  generatedVerifier,
  validate,
  type Actor,
  type CredentialDirectory,
  type KeyRing,
} from '@switchhook/platform';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { acknowledged } from './acknowledgement.js';
import type { CredentialTable } from './credential-table.js';
import { readId } from './query.js';
import { answeringRefusals } from './refusals.js';
import type { Page, PageRequest } from './webhook-table.js';

export interface ManageCredentialsDeps {
  readonly commands: CommandDeps;
  readonly table: CredentialTable;
  readonly relay: Pick<Relay, 'relayed'>;
  readonly directory: Pick<CredentialDirectory, 'reachEnd'>;
  readonly keyRing: KeyRing;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
}

/** A credential as the API shows it (CallFire API v2, ApiCredential). */
export interface CredentialView {
  readonly id: number;
  readonly name: string;
  readonly username: string;
  readonly enabled: boolean;
}

/** The credential operations of the API, each within the actor's account. They throw `HttpFault`. */
export interface ManageCredentials {
  /** The only answer with the password. */
  create(actor: Actor, body: unknown): Promise<CredentialView & { readonly password: string }>;
  get(actor: Actor, id: string): Promise<CredentialView>;
  find(actor: Actor, page: PageRequest): Promise<Page<CredentialView>>;
  enable(actor: Actor, id: string): Promise<void>;
  disable(actor: Actor, id: string): Promise<void>;
  delete(actor: Actor, id: string): Promise<void>;
}

export const manageCredentials = (deps: ManageCredentialsDeps): ManageCredentials => ({
  create: (actor, body) => create(deps, actor, body),
  get: (actor, id) => get(deps, actor, id),
  find: async (actor, page) => {
    const { items, totalCount } = await deps.table.find(actor.accountId, page);
    return { items: items.map(viewOf), totalCount };
  },
  enable: (actor, id) => change(deps, actor, id, 'enable'),
  disable: (actor, id) => change(deps, actor, id, 'disable'),
  delete: (actor, id) => change(deps, actor, id, 'delete'),
});

/** What we make, and what was sent back to us as we had shown it, is ignored. */
const ignored = z.unknown().optional();
const NewCredential = z.strictObject({
  name: z
    .string()
    .min(1, 'must not be empty')
    .max(200, 'must have at most 200 characters')
    .refine((text) => !/\p{Cc}/u.test(text), { error: 'must not hold control characters' }),
  ...{ id: ignored, username: ignored, password: ignored, enabled: ignored },
  ...{ createdAt: ignored, updatedAt: ignored },
});

/** As CallFire's look, and with 128 random bits a keyed hash of the password is enough (correctness.md §6). */
const SIZE = { usernameBytes: 6, passwordBytes: 16 } as const;

async function create(
  deps: ManageCredentialsDeps,
  actor: Actor,
  body: unknown,
): Promise<CredentialView & { readonly password: string }> {
  const { name } = validate(NewCredential, body);
  const { table, keyRing, randomBytes } = deps;
  const [secret] = credentialSecrets(keyRing);
  if (!secret) throw new Error('The key file has no key for "credentials"');
  const id = await table.nextId();
  const username = randomBytes(SIZE.usernameBytes).toString('hex');
  const password = randomBytes(SIZE.passwordBytes).toString('hex');
  await command(deps, actor, {
    type: 'create',
    ...issuedBy(deps, actor),
    ...{ id, accountId: actor.accountId, role: 'account', name, username },
    verifier: generatedVerifier(secret, password),
  });
  return { id, name, username, password, enabled: true };
}

async function get({ table }: ManageCredentialsDeps, { accountId }: Actor, id: string): Promise<CredentialView> {
  const credentialId = readId(id);
  const credential = credentialId === null ? null : await table.get(accountId, credentialId);
  if (!credential) throw new HttpFault('unknownId', NOT_THERE);
  return viewOf(credential);
}

const change = (
  deps: ManageCredentialsDeps,
  actor: Actor,
  id: string,
  type: 'enable' | 'disable' | 'delete',
): Promise<void> => command(deps, actor, { type, ...issuedBy(deps, actor) }, readId(id) ?? 0);

const NOT_THERE = 'The credential does not exist';

/** Gives a credential of the actor's account a command, and waits until the fact holds here and is on its way everywhere. */
async function command(
  { commands, table, relay, directory }: ManageCredentialsDeps,
  { accountId }: Actor,
  order: CredentialCommand,
  credentialId: number = order.type === 'create' ? order.id : 0,
): Promise<void> {
  const { appended } = await answeringRefusals(() =>
    handleCommand<CredentialState, CredentialEvent>(commands, {
      streamId: `credential-${credentialId}`,
      initialState: initialCredential,
      evolve: evolveCredential,
      decide: (state) => {
        const isAnothers = state.status === 'exists' && state.credential.accountId !== accountId;
        if (isAnothers) throw new CommandRefused('not-found', NOT_THERE);
        return decideCredential(state, order);
      },
      typeOf: ({ type }) => type,
      alongside: async (tx: EntityManager, _facts, state) => {
        if (state.status === 'exists') await table.save(tx, state.credential);
      },
    }),
  );
  // So that whoever gets the answer meets a service that knows.
  const afterRelay = (): Promise<void> => directory.reachEnd();
  await acknowledged({ relay, afterRelay }, appended, `credential ${credentialId}`);
}

const issuedBy = ({ now }: ManageCredentialsDeps, { credentialId }: Actor): { now: number; by: string } => ({
  now: now(),
  by: String(credentialId),
});

const viewOf = ({ id, name, username, enabled }: Credential): CredentialView => ({ id, name, username, enabled });
