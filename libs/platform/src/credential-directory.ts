import { CredentialEventSchema, TOPICS, type Credential } from '@switchhook/contracts';
import type { LogRecord } from '@switchhook/event-log';
import { followDirectory, type DirectoryDeps } from './directory-follower.js';
import type { PasswordCheck } from './password-verifier.js';

/** Every API credential in its newest version, as `credentials.v1` tells it. */
export interface CredentialDirectory {
  /** The credential that this pair proves, when it is enabled and neither deleted nor expired; else undefined. */
  verify(username: string, password: string): Promise<Credential | undefined>;
  get(credentialId: number): Credential | undefined;
  /** Whether any credential, deleted ones included, belongs to the account. */
  hasAccount(accountId: number): boolean;
  readonly whenCaughtUp: Promise<void>;
  caughtUp(): boolean;
  /** Resolves when the ends that the topic has now are reached. */
  reachEnd(): Promise<void>;
  close(): Promise<void>;
}

export interface CredentialDirectoryDeps extends DirectoryDeps {
  readonly checkPassword: PasswordCheck;
  readonly clock: () => number;
}

/** Opens the directory: follows `credentials.v1` from its beginning. */
export async function openCredentialDirectory(deps: CredentialDirectoryDeps): Promise<CredentialDirectory> {
  const index = new CredentialIndex();
  const follower = await followDirectory(deps, TOPICS.credentials.name, (record) => {
    const credential = readCredential(record);
    if (credential) index.put(credential);
  });
  return {
    get: (credentialId) => index.get(credentialId),
    hasAccount: (accountId) => index.hasAccount(accountId),
    verify: async (username, password) => {
      const candidates = index.named(username).filter((credential) => isUsable(credential, deps.clock()));
      // Without a candidate the check runs all the same, so that the time tells nobody which names exist.
      if (candidates.length === 0) await deps.checkPassword(undefined, username, password);
      for (const credential of candidates) {
        if (await deps.checkPassword(credential, username, password))
          return stillUsable(index, credential, deps.clock());
      }
      return undefined;
    },
    ...follower,
  };
}

function readCredential(record: LogRecord): Credential | undefined {
  if (record.value === null) return undefined;
  return CredentialEventSchema.parse(JSON.parse(record.value.toString('utf8'))).credential;
}

const isUsable = (credential: Credential, nowMs: number): boolean =>
  credential.enabled && !credential.deleted && (credential.expiresAt === undefined || nowMs < credential.expiresAt);

/** A slow check may outlast the credential: what counts is what is known when it has ended. */
function stillUsable(index: CredentialIndex, checked: Credential, nowMs: number): Credential | undefined {
  const now = index.get(checked.id);
  return now && now.verifier === checked.verifier && isUsable(now, nowMs) ? now : undefined;
}

class CredentialIndex {
  readonly #byId = new Map<number, Credential>();
  readonly #idsByName = new Map<string, Set<number>>();
  readonly #accounts = new Set<number>();

  /** Takes the credential unless a version as new is there. */
  put(credential: Credential): void {
    const known = this.#byId.get(credential.id);
    if (known && known.version >= credential.version) return;
    if (known && known.username !== credential.username) this.#idsByName.get(known.username)?.delete(known.id);
    this.#byId.set(credential.id, credential);
    const ids = this.#idsByName.get(credential.username) ?? new Set<number>();
    this.#idsByName.set(credential.username, ids.add(credential.id));
    if (credential.accountId !== undefined) this.#accounts.add(credential.accountId);
  }

  named(username: string): Credential[] {
    return [...(this.#idsByName.get(username) ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
  }

  get(credentialId: number): Credential | undefined {
    return this.#byId.get(credentialId);
  }

  hasAccount(accountId: number): boolean {
    return this.#accounts.has(accountId);
  }
}
