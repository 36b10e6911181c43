import type { Credential, CredentialEvent } from '@switchhook/contracts';
import { CommandRefused, type Decider } from './decider.js';

export type CredentialState =
  { readonly status: 'none' } | { readonly status: 'exists'; readonly credential: Credential };

interface Issued {
  /** Epoch ms. */
  readonly now: number;
  /** A credential id, or `system` with the cause. */
  readonly by: string;
}

export type CredentialCommand =
  | (Issued & {
      readonly type: 'create';
      readonly id: number;
      /** Absent for the platform's. */
      readonly accountId?: number;
      readonly role: Credential['role'];
      readonly name: string;
      readonly username: string;
      readonly verifier: string;
      readonly expiresAt?: number;
    })
  /** The operator's settings name another user or password: the platform's credential takes them, and is enabled. */
  | (Issued & { readonly type: 'replace'; readonly username: string; readonly verifier: string })
  | (Issued & { readonly type: 'enable' | 'disable' | 'delete' });

export const initialCredential: CredentialState = { status: 'none' };

/**
 * The facts that a command leads to; none where nothing would change. Throws `CommandRefused`: `exists` for a second
 * create, `not-found` for a credential that is not there or was deleted.
 */
export function decideCredential(state: CredentialState, command: CredentialCommand): readonly CredentialEvent[] {
  switch (command.type) {
    case 'create':
      return create(state, command);
    case 'replace':
      return replace(existing(state), command);
    case 'enable':
      return switchTo(existing(state), true, command);
    case 'disable':
      return switchTo(existing(state), false, command);
    case 'delete':
      return [factOf('credential.deleted', command, { ...existing(state), enabled: false, deleted: true })];
    default: {
      const unknownCommand: never = command;
      throw new Error(`Unknown command: ${JSON.stringify(unknownCommand)}`);
    }
  }
}

export const evolveCredential = (_state: CredentialState, { credential }: CredentialEvent): CredentialState => ({
  status: 'exists',
  credential,
});

export const credentialDecider: Decider<CredentialState, CredentialCommand, CredentialEvent> = {
  initialState: initialCredential,
  decide: decideCredential,
  evolve: evolveCredential,
};

function create(state: CredentialState, command: CredentialCommand & { type: 'create' }): readonly CredentialEvent[] {
  const { id, accountId, role, name, username, verifier, expiresAt, now } = command;
  if (state.status !== 'none') throw new CommandRefused('exists', `Credential ${id} exists already`);
  if ((role === 'account') !== (accountId !== undefined)) {
    throw new CommandRefused(
      'invalid',
      'accountId: a credential belongs to one account, or has the role platform',
      'accountId',
    );
  }
  const credential: Credential = {
    id,
    ...(accountId !== undefined && { accountId }),
    role,
    version: 0,
    name,
    username,
    verifier,
    enabled: true,
    deleted: false,
    ...(expiresAt !== undefined && { expiresAt }),
    createdAt: now,
  };
  return [factOf('credential.created', command, credential)];
}

function replace(current: Credential, command: CredentialCommand & { type: 'replace' }): readonly CredentialEvent[] {
  const { username, verifier } = command;
  if (current.role !== 'platform') {
    throw new CommandRefused('invalid', 'Only the credential of the platform is set from outside');
  }
  if (current.username === username && current.verifier === verifier && current.enabled) return [];
  return [factOf('credential.replaced', command, { ...current, username, verifier, enabled: true })];
}

const switchTo = (current: Credential, enabled: boolean, issued: Issued): readonly CredentialEvent[] =>
  current.enabled === enabled
    ? []
    : [factOf(enabled ? 'credential.enabled' : 'credential.disabled', issued, { ...current, enabled })];

function existing(state: CredentialState): Credential {
  if (state.status === 'none' || state.credential.deleted) {
    throw new CommandRefused('not-found', 'The credential does not exist');
  }
  return state.credential;
}

const factOf = (type: CredentialEvent['type'], { now, by }: Issued, credential: Credential): CredentialEvent => ({
  type,
  at: now,
  by,
  credential: { ...credential, version: credential.version + 1 },
});
