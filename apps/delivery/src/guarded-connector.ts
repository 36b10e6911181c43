import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { buildConnector } from 'undici';
import { AddressRefusedError, NoSourceAddressError } from './attempt-error.js';
import type { HostAddress } from './hosts-file.js';
import type { OpenTunnel } from './proxy-tunnel.js';
import type { ResolveHost } from './resolve-host.js';

export interface GuardedConnectorOptions {
  readonly resolve: ResolveHost;
  /** Whether policy lets us connect to this address (an IP literal). */
  readonly addressAllowed: (address: string) => boolean;
  readonly tls: Pick<ConnectionOptions, 'rejectUnauthorized' | 'minVersion' | 'secureContext'>;
  readonly connectTimeoutMs: number;
  /** Of this machine, from which connections are made; any unless told. */
  readonly localAddress?: string | undefined;
  /** Through the outbound proxy, for all but loopback addresses: those of the proxy's machine are not ours. */
  readonly openTunnel?: OpenTunnel | undefined;
}

export interface GuardedConnector {
  readonly connect: buildConnector.connector;
  /** Gives up the connections that are still being made. */
  close(): void;
}

type Connect = (...given: Parameters<buildConnector.connector>) => Socket;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const isLoopback = ({ address }: HostAddress): boolean => address.startsWith('127.') || address === '::1';

/**
 * A connector for undici that connects only to addresses that were checked: a name is resolved once, every one of its
 * addresses must be allowed, and the socket gets exactly that list, so that a second look-up cannot give another answer
 * (DNS rebinding). Literal addresses never reach a `lookup`, hence the check before connecting. A proxy is given a checked
 * address, too; the name stays in TLS and in `Host`.
 */
export function guardedConnector(options: GuardedConnectorOptions): GuardedConnector {
  const { addressAllowed, tls, connectTimeoutMs, localAddress, openTunnel } = options;
  const checked = checkedAddresses(options);
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    checked(hostname).then(
      (addresses) => (all ? callback(null, addresses) : callback(null, addresses[0]!.address, addresses[0]!.family)),
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
  const tcp = { lookup, autoSelectFamily: true, ...(localAddress !== undefined && { localAddress }) };
  const socket = { allowH2: false, timeout: connectTimeoutMs, ...tcp, ...tls };
  // Its type leaves out that it returns the socket.
  const direct = buildConnector(socket as buildConnector.BuildOptions) as Connect;
  const connecting = new Set<Socket>();

  const connectDirectly: buildConnector.connector = (target, callback) => {
    const made = direct({ ...target, ...(localAddress !== undefined && { localAddress }) }, (...result) => {
      connecting.delete(made);
      callback(...result);
    });
    connecting.add(made);
  };
  const connectThroughProxy = async (
    open: OpenTunnel,
    ...[target, callback]: Parameters<buildConnector.connector>
  ): Promise<void> => {
    try {
      const [first] = await checked(target.hostname);
      if (isLoopback(first!)) return connectDirectly(target, callback);
      const tunnel = await open(first!, Number(target.port) || DEFAULT_PORTS[target.protocol]!);
      if (target.protocol === 'https:') return connectDirectly({ ...target, httpSocket: tunnel }, callback);
      callback(null, tunnel.setNoDelay(true));
    } catch (error) {
      callback(error as Error, null);
    }
  };

  const connect: buildConnector.connector = (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !addressAllowed(literal)) return callback(refusal(literal), null);
    if (openTunnel === undefined) return connectDirectly(target, callback);
    void connectThroughProxy(openTunnel, target, callback);
  };
  const close = () => {
    for (const each of connecting) each.destroy(new Error('given up'));
  };
  return { connect, close };
}

const refusal = (hostname: string) => new AddressRefusedError(`${hostname} is at an address that policy forbids`);

/** Every address of a name, all of them allowed, as far as the source address can reach them. */
function checkedAddresses({ resolve, addressAllowed, localAddress }: GuardedConnectorOptions) {
  const family = localAddress === undefined ? 0 : isIP(localAddress);
  return async (hostname: string): Promise<HostAddress[]> => {
    const addresses = await resolve(hostname);
    if (addresses.length === 0 || !addresses.every(({ address }) => addressAllowed(address))) throw refusal(hostname);
    const reachable = addresses.filter((address) => family === 0 || address.family === family);
    if (reachable.length === 0) throw new NoSourceAddressError(`${hostname} has no IPv${family} address`);
    return reachable;
  };
}
