import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Every address of a host name. Throws an error with a DNS `code` when there is none. */
export type ResolveHost = (hostname: string) => Promise<readonly HostAddress[]>;

const CACHE_SECONDS_MAX = 60;
const TRIES = 1;

/**
 * A resolver of our own (correctness.md §6): a literal; `localhost`; `/etc/hosts`; then c-ares, A and AAAA, cached for their
 * TTL but at most 60 s. `dns.lookup` is not used: it occupies one of Node's four pool threads for as long as a name server
 * hangs, and four hanging name servers would stall every new connection.
 */
export function hostResolver(options: { readonly hostsFile?: string; readonly timeoutMs?: number } = {}): ResolveHost {
  const { hostsFile = '/etc/hosts', timeoutMs = 2_000 } = options;
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  const cache = new LRUCache<string, readonly HostAddress[]>({ max: 10_000 });
  const underWay = new Map<string, Promise<readonly HostAddress[]>>();

  const query = async (hostname: string): Promise<readonly HostAddress[]> => {
    const fromFile = (await readHostsFile(hostsFile)).get(hostname);
    if (fromFile) return fromFile;
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(hostname, { ttl: true }),
      resolver.resolve6(hostname, { ttl: true }),
    ]);
    const found = [
      ...(v4.status === 'fulfilled' ? v4.value.map(({ address, ttl }) => ({ address, ttl, family: 4 as const })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map(({ address, ttl }) => ({ address, ttl, family: 6 as const })) : []),
    ];
    if (found.length === 0) throw v4.status === 'rejected' ? v4.reason : new Error(`${hostname} has no address`);
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
    const cached = cache.get(hostname);
    if (cached) return Promise.resolve(cached);
    const known = underWay.get(hostname);
    if (known) return known;
    const asked = query(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, asked);
    return asked;
  };
}

/** RFC 6761 §6.3: `localhost` is always loopback. */
const LOOPBACK: readonly HostAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

async function readHostsFile(path: string): Promise<Map<string, HostAddress[]>> {
  const hosts = new Map<string, HostAddress[]>();
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address ?? '');
    if (!address || (family !== 4 && family !== 6)) continue;
    for (const name of names)
      hosts.set(name.toLowerCase(), [...(hosts.get(name.toLowerCase()) ?? []), { address, family }]);
  }
  return hosts;
}
