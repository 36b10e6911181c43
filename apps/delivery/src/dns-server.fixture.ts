import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { isIPv4 } from 'node:net';

/** What a name has; `hang` is never answered, `servfail` is. */
export type Zone = Record<
  string,
  { readonly addresses: readonly string[]; readonly ttl?: number } | 'hang' | 'servfail'
>;

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' };
const ANSWER = 0x8180;
const SERVFAIL = 0x8182;
const NXDOMAIN = 0x8183;

/** A name server on 127.0.0.1 (RFC 1035, A and AAAA only), and a c-ares resolver that asks it. */
export async function startDnsServer(zone: Zone) {
  const server = createSocket('udp4');
  /** `A name` in the order of asking. */
  const asked: string[] = [];
  server.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(query);
    asked.push(`${TYPES[type] ?? type} ${name}`);
    const known = zone[name];
    if (known === 'hang') return;
    const found = typeof known === 'object' ? known.addresses.filter((ip) => isIPv4(ip) === (type === 1)) : [];
    const flags = known === 'servfail' ? SERVFAIL : known === undefined ? NXDOMAIN : ANSWER;
    const ttl = typeof known === 'object' ? (known.ttl ?? 300) : 0;
    server.send(answerTo(query.subarray(0, end), flags, type, { found, ttl }), from.port, from.address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const resolver = new Resolver({ timeout: 300, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.address().port}`]);
  return { resolver, asked, close: () => server.close() };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(
  question: Buffer,
  flags: number,
  type: number,
  { found, ttl }: { found: readonly string[]; ttl: number },
): Buffer {
  const header = Buffer.from(question);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(found.length, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const records = found.map((ip) => {
    const data = bytesOf(ip);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([header, ...records]);
}

/** `2001:db8::1` and `10.0.0.1` as bytes; an IPv6 address has at most one "::" and no IPv4 part. */
function bytesOf(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const words = (text: string | undefined) => (text ? text.split(':').map((word) => Number.parseInt(word, 16)) : []);
  const [first, last] = [words(head), words(tail)];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}
