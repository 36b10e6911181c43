import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { isIP } from 'node:net';

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The names that the operator gave by hand: `/etc/hosts`. */
export interface HostsFile {
  /** Every address of the name (in lower case); undefined when the file does not know it. */
  find(hostname: string): readonly HostAddress[] | undefined;
  /** Stops watching. */
  close(): void;
}

/**
 * Reads the file now, and again when it changes: looked at every `everyMs` by its path, because editors and containers put a
 * new file in its place. A file that is not there has no names. hosts(5).
 */
export function watchHostsFile(path: string, everyMs: number): HostsFile {
  let hosts = parseHosts(read(path));
  const reread = () => {
    hosts = parseHosts(read(path));
  };
  watchFile(path, { interval: everyMs, persistent: false }, reread);
  return { find: (hostname) => hosts.get(hostname), close: () => unwatchFile(path, reread) };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Addresses by name in lower case. Lines that begin with no address are passed over, and so is a zone (`fe80::1%lo0`). */
export function parseHosts(text: string): ReadonlyMap<string, readonly HostAddress[]> {
  const hosts = new Map<string, HostAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if ((family !== 4 && family !== 6) || address.includes('%')) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      hosts.set(name, [...(hosts.get(name) ?? []), { address, family }]);
    }
  }
  return hosts;
}
