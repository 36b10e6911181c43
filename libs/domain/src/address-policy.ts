import ipaddr from 'ipaddr.js';

/** What the internet assigns to hosts in IPv6; unassigned space outside is nobody's server (IANA IPv6 global unicast, 2000::/3). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Public by their range, yet nobody's webhook: Azure's metadata and platform service (Microsoft Learn, "What is IP address
 * 168.63.129.16?"), and the 6bone, which was given back (RFC 3701).
 */
const NOT_FOR_WEBHOOKS = ['168.63.129.16/32', '3ffe::/16'].map((cidr) => ipaddr.parseCIDR(cidr));

/**
 * Whether a webhook may reach `ip`: a public unicast address (IANA special-purpose registries, as ipaddr.js knows them), or
 * one in `allowedCidrs`. IPv4 inside IPv6 (`::ffff:…`) counts as IPv4; the other forms that hold an IPv4 address (NAT64, 6to4,
 * Teredo, ISATAP, SIIT) are refused whatever it is. Anything that is no address is refused.
 * Throws when an allowed range is no CIDR.
 */
export function addressAllowed(ip: string, allowedCidrs: readonly string[] = []): boolean {
  if (!isUsualNotation(ip)) return false;
  const address = ipaddr.process(ip);
  if (allowedCidrs.some((cidr) => isWithin(address, ipaddr.parseCIDR(cidr)))) return true;
  if (address.range() !== 'unicast' || NOT_FOR_WEBHOOKS.some((cidr) => isWithin(address, cidr))) return false;
  return !(address instanceof ipaddr.IPv6) || (address.match(GLOBAL_IPV6) && !isIsatap(address));
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const isWithin = (address: Address, [base, bits]: [Address, number]): boolean =>
  base.kind() === address.kind() && address.match(base, bits);

/** An interface identifier `0000:5efe` or `0200:5efe` before an IPv4 address (RFC 5214 §6.1): a tunnel to that address. */
const isIsatap = ({ parts }: ipaddr.IPv6): boolean => (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;

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
