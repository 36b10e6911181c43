/**
 * Callbacks on this machine that a webhook may have although policy refuses loopback addresses: granted by code in this
 * process only (the receiver of the sample event), never by anything that comes over the network.
 */
export class LoopbackGrants {
  readonly #granted = new Set<string>();

  grant(accountId: number, callback: string): void {
    this.#granted.add(keyOf(accountId, callback));
  }

  revoke(accountId: number, callback: string): void {
    this.#granted.delete(keyOf(accountId, callback));
  }

  /** Whether a webhook of the account may be created with exactly this callback. */
  allows(accountId: number, callback: string): boolean {
    return this.#granted.has(keyOf(accountId, callback));
  }
}

const keyOf = (accountId: number, callback: string): string => `${accountId} ${callback}`;
