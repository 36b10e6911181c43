import { createSecureContext } from 'node:tls';
import { addressAllowed } from '@switchhook/domain';
import { LRUCache } from 'lru-cache';
import { Agent, type Dispatcher } from 'undici';
import { guardedConnector } from './guarded-connector.js';
import type { PresentedTls } from './presented.js';
import { proxyTunnel } from './proxy-tunnel.js';
import type { ResolveHost } from './resolve-host.js';

export interface DispatchersOptions {
  readonly resolve: ResolveHost;
  /** CIDRs that may be called although they are not public (`SWITCHHOOK_ALLOW_PRIVATE`). */
  readonly allowedCidrs: readonly string[];
  /** Calls go through it (`SWITCHHOOK_OUTBOUND_PROXY`). */
  readonly proxy?: URL | undefined;
  /** Connections are made from it (`SWITCHHOOK_OUTBOUND_ADDRESS`). */
  readonly localAddress?: string | undefined;
  readonly connectionsPerOrigin?: number;
  /** TLS profiles of webhooks that are kept; the least recently used go first. */
  readonly profilesMax?: number;
}

/** What connections must have in common to be shared. */
export interface ConnectionKind {
  readonly nonStrictSsl: boolean;
  readonly allowLoopback: boolean;
  readonly presented?: { readonly tls: PresentedTls | undefined } | undefined;
}

interface Opened {
  readonly agent: Agent;
  readonly close: () => void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const LOOPBACK_CIDRS = ['127.0.0.0/8', '::1/128'];
const MIN_TLS_VERSION = 'TLSv1.2';

/**
 * undici agents with HTTP/1.1 and kept-alive connections: one for each way to check certificates that needs no material of a
 * customer's, and one per TLS profile in an LRU. One that is put out of it serves the calls it has, then closes.
 */
export class Dispatchers {
  private readonly plain = new Map<number, Opened>();
  private readonly profiles: LRUCache<string, Opened>;
  /** Put out of the LRU, with calls still under way. */
  private readonly retiring = new Set<Opened>();

  constructor(private readonly options: DispatchersOptions) {
    this.profiles = new LRUCache({ max: options.profilesMax ?? 500, dispose: (opened) => this.retire(opened) });
  }

  /** The dispatcher for calls of this kind. Throws what OpenSSL says of a certificate or key that it does not take. */
  of(kind: ConnectionKind): Dispatcher {
    const { nonStrictSsl, allowLoopback, presented } = kind;
    const tls = presented?.tls;
    const number = (nonStrictSsl ? 1 : 0) + (allowLoopback ? 2 : 0);
    if (tls === undefined) {
      const known = this.plain.get(number) ?? this.open(kind);
      this.plain.set(number, known);
      return known.agent;
    }
    const name = `${number}/${tls.name}`;
    const known = this.profiles.get(name) ?? this.open(kind);
    this.profiles.set(name, known);
    return known.agent;
  }

  /** Agents that are open, those that are on their way out too. */
  count(): number {
    return this.plain.size + this.profiles.size + this.retiring.size;
  }

  /** Drops every connection, and those that are still being made. */
  async close(): Promise<void> {
    const all = [...this.plain.values(), ...this.profiles.values(), ...this.retiring];
    await Promise.all(
      all.map(({ agent, close }) => {
        close();
        return agent.destroy();
      }),
    );
  }

  private open({ nonStrictSsl, allowLoopback, presented }: ConnectionKind): Opened {
    const tls = presented?.tls;
    const { resolve, allowedCidrs, proxy, localAddress, connectionsPerOrigin = 128 } = this.options;
    const cidrs = allowLoopback ? [...allowedCidrs, ...LOOPBACK_CIDRS] : allowedCidrs;
    const { connect, close } = guardedConnector({
      resolve,
      addressAllowed: (address) => addressAllowed(address, cidrs),
      tls: {
        rejectUnauthorized: !nonStrictSsl,
        minVersion: MIN_TLS_VERSION,
        ...(tls && { secureContext: createSecureContext({ ...textsOf(tls), minVersion: MIN_TLS_VERSION }) }),
      },
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      // The receiver of our own sample event is on this machine.
      localAddress: allowLoopback ? undefined : localAddress,
      openTunnel: proxy && proxyTunnel({ proxy, resolve, localAddress, timeoutMs: CONNECT_TIMEOUT_MS }),
    });
    const agent = new Agent({
      connections: connectionsPerOrigin,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The deadline over the whole exchange is ours; undici's coarse timers would only add a second one.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect,
    });
    return { agent, close };
  }

  private retire(opened: Opened): void {
    this.retiring.add(opened);
    const forget = () => void this.retiring.delete(opened);
    opened.agent.close().then(forget, forget);
  }
}

/** Without the members that are not there: OpenSSL would take them for given. */
const textsOf = ({ ca, cert, key }: PresentedTls) => ({
  ...(ca !== undefined && { ca }),
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
});
