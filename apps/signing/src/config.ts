/** What signing needs to know. */
export interface SigningConfig {
  /** Most webhooks whose opened keys are kept; the least recently used go first. */
  readonly keysKeptMax: number;
}

/** Nothing here is a setting yet: what the process shares (log, key ring, directories) is configured by the platform. */
export const readSigningConfig = (_env: NodeJS.ProcessEnv): SigningConfig => ({ keysKeptMax: 20_000 });
