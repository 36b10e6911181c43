import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { buildConnector } from 'undici';
import { AddressRefusedError } from './attempt-error.js';
import type { HostAddress } from './hosts-file.js';
import type { ResolveHost } from './resolve-host.js';

export interface GuardedConnectorOptions {
  readonly resolve: ResolveHost;
  /** Whether policy lets us connect to this address (an IP literal). */
  readonly addressAllowed: (address: string) => boolean;
  readonly tls: Pick<ConnectionOptions, 'rejectUnauthorized' | 'minVersion' | 'secureContext'>;
  readonly connectTimeoutMs: number;
}

export interface GuardedConnector {
  readonly connect: buildConnector.connector;
  /** Gives up the connections that are still being made. */
  close(): void;
}

/**
 * A connector for undici that connects only to addresses that were checked: a name is resolved once, every one of its
 * addresses must be allowed, and the socket gets exactly that list, so that a second look-up cannot give another answer
 * (DNS rebinding). Literal addresses never reach a `lookup`, hence the check before connecting.
 */
export function guardedConnector(options: GuardedConnectorOptions): GuardedConnector {
  const { resolve, addressAllowed, tls, connectTimeoutMs } = options;
  const refusal = (hostname: string) => new AddressRefusedError(`${hostname} is at an address that policy forbids`);

  const checkedLookup: LookupFunction = (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(({ address }) => addressAllowed(address)))
          return callback(refusal(hostname), []);
        return all ? callback(null, addresses as HostAddress[]) : callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
  const tcp = { lookup: checkedLookup, autoSelectFamily: true };
  const socket = { allowH2: false, timeout: connectTimeoutMs, ...tcp, ...tls };
  // Its type leaves out that it returns the socket.
  const connectUnchecked = buildConnector(socket as buildConnector.BuildOptions) as (
    ...given: Parameters<buildConnector.connector>
  ) => Socket;
  const connecting = new Set<Socket>();

  const connect: buildConnector.connector = (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !addressAllowed(literal)) return callback(refusal(literal), null);
    const made = connectUnchecked(target, (...result) => {
      connecting.delete(made);
      callback(...result);
    });
    connecting.add(made);
  };
  const close = () => {
    for (const each of connecting) each.destroy(new Error('given up'));
  };
  return { connect, close };
}
