import ipaddr from 'ipaddr.js';

/** What the internet assigns to hosts in IPv6; unassigned space outside is nobody's server (IANA IPv6 global unicast, 2000::/3). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether a webhook may reach `ip`: a public unicast address (IANA special-purpose registries, as ipaddr.js knows them), or
 * one in `allowedCidrs`. IPv4 inside IPv6 (`::ffff:…`) counts as IPv4. Anything that is no address is refused.
 * Throws when an allowed range is no CIDR.
 */
export function addressAllowed(ip: string, allowedCidrs: readonly string[] = []): boolean {
  if (!isUsualNotation(ip)) return false;
  const address = ipaddr.process(ip);
  for (const cidr of allowedCidrs) {
    const [base, bits] = ipaddr.parseCIDR(cidr);
    if (base.kind() === address.kind() && address.match(base, bits)) return true;
  }
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_IPV6[0], GLOBAL_IPV6[1]);
}

/**
 * The address that `hostname` is, in the usual notation without brackets, or undefined when it is a name. Reads every
 * notation that a URL does (WHATWG URL, "host parsing"): `2130706433`, `0x7f.1`, `127.1`, `[::ffff:127.0.0.1]`.
 */
export function literalAddress(hostname: string): string | undefined {
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
  if (!URL.canParse(`http://${host}/`)) return undefined;
  const parsed = new URL(`http://${host}/`).hostname;
  const address = parsed.startsWith('[') ? parsed.slice(1, -1) : parsed;
  return isUsualNotation(address) ? address : undefined;
}

/** Not ipaddr.isValid: that reads `1.2.3` and octal numbers, each in a way that another resolver may not share. */
const isUsualNotation = (ip: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(ip) || ipaddr.IPv6.isValid(ip);
