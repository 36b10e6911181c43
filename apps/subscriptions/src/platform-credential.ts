import type { Credential } from '@switchhook/contracts';
import {
  decideCredential,
  evolveCredential,
  initialCredential,
  type CredentialCommand,
  type CredentialState,
} from '@switchhook/domain';
import { handleCommand, type CommandDeps } from '@switchhook/event-store';
import { chosenVerifier, type PasswordCheck } from '@switchhook/platform';
import type { SubscriptionsConfig } from './config.js';

/** The platform's credential: first of all, outside of the sequence of ids. */
export const PLATFORM_CREDENTIAL_ID = 1;
const STREAM = 'credential-platform';

export interface PlatformCredentialDeps {
  readonly commands: CommandDeps;
  readonly checkPassword: PasswordCheck;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * Makes sure that the platform's credential is the one of the settings, and answers with it; without settings it stays as
 * it is, and may be null. The same settings again change nothing.
 */
export async function ensurePlatformCredential(
  deps: PlatformCredentialDeps,
  admin: SubscriptionsConfig['admin'],
): Promise<Credential | null> {
  const { commands, now } = deps;
  const known = await credentialOf(commands);
  if (!admin || (known && (await isCurrent(deps, known, admin)))) return known;
  const verifier = await chosenVerifier(admin.password, deps.randomBytes(16));
  const { username } = admin;
  const issued = { now: now(), by: 'system: settings' };
  const decide = (state: CredentialState): ReturnType<typeof decideCredential> => {
    const command: CredentialCommand =
      state.status === 'exists'
        ? { ...issued, type: 'replace', username, verifier }
        : {
            ...issued,
            type: 'create',
            id: PLATFORM_CREDENTIAL_ID,
            role: 'platform',
            name: 'platform',
            username,
            verifier,
          };
    return decideCredential(state, command);
  };
  const { state } = await handleCommand(commands, { ...handling, decide });
  return state.status === 'exists' ? state.credential : null;
}

const handling = {
  streamId: STREAM,
  initialState: initialCredential,
  evolve: evolveCredential,
  typeOf: ({ type }: { type: string }): string => type,
};

async function credentialOf(commands: CommandDeps): Promise<Credential | null> {
  const { state } = await handleCommand(commands, { ...handling, decide: () => [] });
  return state.status === 'exists' ? state.credential : null;
}

async function isCurrent(
  { checkPassword }: PlatformCredentialDeps,
  known: Credential,
  { username, password }: NonNullable<SubscriptionsConfig['admin']>,
): Promise<boolean> {
  return known.enabled && known.username === username && (await checkPassword(known, username, password));
}
