import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { AddressRefusedError } from './attempt-error.js';
import type { HostAddress, ResolveHost } from './resolve-host.js';

export interface GuardedConnectorOptions {
  readonly resolve: ResolveHost;
  /** Whether policy lets us connect to this address (an IP literal). */
  readonly addressAllowed: (address: string) => boolean;
  readonly rejectUnauthorized: boolean;
  readonly connectTimeoutMs: number;
}

/**
 * A connector for undici that connects only to addresses that were checked: a name is resolved once, every one of its
 * addresses must be allowed, and the socket gets exactly that list, so that a second look-up cannot give another answer
 * (DNS rebinding). Literal addresses never reach a `lookup`, hence the check before connecting.
 */
export function guardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { resolve, addressAllowed, rejectUnauthorized, connectTimeoutMs } = options;
  const refusal = (hostname: string) => new AddressRefusedError(`${hostname} is at an address that policy forbids`);

  const checkedLookup: LookupFunction = (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) => {
        if (!addresses.every(({ address }) => addressAllowed(address))) return callback(refusal(hostname), []);
        if (all) return callback(null, addresses as HostAddress[]);
        const first = addresses[0];
        return first ? callback(null, first.address, first.family) : callback(refusal(hostname), []);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
  const tcp = { lookup: checkedLookup, rejectUnauthorized, autoSelectFamily: true };
  const connect = buildConnector({ allowH2: false, timeout: connectTimeoutMs, ...tcp } as buildConnector.BuildOptions);

  return (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !addressAllowed(literal)) return callback(refusal(literal), null);
    return connect(target, callback);
  };
}
