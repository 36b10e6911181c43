import type { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { NameNotResolvedError } from './attempt-error.js';
import type { HostAddress, HostsFile } from './hosts-file.js';

/** Every address of a host name. Throws `NameNotResolvedError` when there is none. */
export type ResolveHost = (hostname: string) => Promise<readonly HostAddress[]>;

export interface HostResolverOptions {
  readonly hosts: Pick<HostsFile, 'find'>;
  /** c-ares with a timeout and one try: `new Resolver({ timeout: 2_000, tries: 1 })`. */
  readonly resolver: Pick<Resolver, 'resolve4' | 'resolve6'>;
}

const CACHE_SECONDS_MAX = 60;
const CACHED_NAMES_MAX = 10_000;

/**
 * A resolver of our own (correctness.md §6): a literal; `localhost`; `/etc/hosts`; then c-ares, A and AAAA, cached for their
 * TTL but at most 60 s. Who asks while a name is being looked up waits for the same answer. `dns.lookup` is not used: it
 * occupies one of Node's four pool threads for as long as a name server hangs, and four hanging name servers would stall
 * every new connection. Search domains are not used either: a customer's name is not one of our network.
 */
export function hostResolver({ hosts, resolver }: HostResolverOptions): ResolveHost {
  const cache = new LRUCache<string, readonly HostAddress[]>({ max: CACHED_NAMES_MAX });
  const underWay = new Map<string, Promise<readonly HostAddress[]>>();

  const query = async (hostname: string): Promise<readonly HostAddress[]> => {
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(hostname, { ttl: true }),
      resolver.resolve6(hostname, { ttl: true }),
    ]);
    const found = [
      ...(v4.status === 'fulfilled' ? v4.value.map(({ address, ttl }) => ({ address, ttl, family: 4 as const })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map(({ address, ttl }) => ({ address, ttl, family: 6 as const })) : []),
    ];
    if (found.length === 0) {
      throw new NameNotResolvedError(`${hostname} has no address`, {
        cause: v4.status === 'rejected' ? v4.reason : undefined,
      });
    }
    const ttlSeconds = Math.min(CACHE_SECONDS_MAX, ...found.map(({ ttl }) => ttl));
    if (ttlSeconds > 0) cache.set(hostname, found, { ttl: ttlSeconds * 1_000 });
    return found;
  };

  return (name) => {
    const hostname = name
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '')
      .toLowerCase();
    const family = isIP(hostname);
    if (family === 4 || family === 6) return Promise.resolve([{ address: hostname, family }]);
    if (hostname === 'localhost' || hostname.endsWith('.localhost')) return Promise.resolve(LOOPBACK);
    const known = hosts.find(hostname) ?? cache.get(hostname);
    if (known) return Promise.resolve(known);
    const asked = underWay.get(hostname);
    if (asked) return asked;
    const answer = query(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, answer);
    return answer;
  };
}

/** RFC 6761 §6.3: `localhost` is always loopback. */
const LOOPBACK: readonly HostAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
