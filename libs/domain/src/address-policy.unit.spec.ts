import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAllowed, literalAddress } from './address-policy.js';

const forbiddenHosts = readFileSync(new URL('./forbidden-hosts.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

describe('the corpus of forbidden hosts', () => {
  it('has at least 150, none twice', () => {
    expect(forbiddenHosts.length).toBeGreaterThanOrEqual(150);
    expect(new Set(forbiddenHosts).size).toBe(forbiddenHosts.length);
  });

  it.each(forbiddenHosts.filter((host) => URL.canParse(`http://${host}/`)))('%s is refused', (host) => {
    const address = literalAddress(new URL(`http://${host}/`).hostname);
    expect(address).toBeDefined();
    expect(addressAllowed(address!, [])).toBe(false);
  });
});

describe('addressAllowed', () => {
  it.each(['8.8.8.8', '1.1.1.1', '93.184.216.34', '2606:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8'])(
    'lets %s through',
    (ip) => {
      expect(addressAllowed(ip, [])).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::10.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '4000::1',
    'localhost',
    '',
    '1.2.3',
    'example.com',
  ])('refuses %j', (ip) => {
    expect(addressAllowed(ip, [])).toBe(false);
  });

  it('lets through what is allowed by name of its range, in either notation', () => {
    expect(addressAllowed('127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(addressAllowed('::ffff:127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(addressAllowed('10.0.0.1', ['127.0.0.0/8', '::1/128'])).toBe(false);
    expect(addressAllowed('fd00::7', ['10.0.0.0/8', 'fd00::/8'])).toBe(true);
    expect(addressAllowed('168.63.129.16', ['168.63.129.16/32'])).toBe(true);
  });

  it('does not take what is allowed as IPv4 for allowed inside another form of IPv6', () => {
    const everything = ['0.0.0.0/0'];
    const holding = ['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::', '::ffff:0:7f00:1', '2001:470::5efe:7f00:1'];
    expect(holding.filter((ip) => addressAllowed(ip, everything))).toEqual([]);
  });

  it('refuses every private IPv4 address, written as IPv6 too', () => {
    const octet = fc.nat(255);
    fc.assert(
      fc.property(fc.constantFrom('10', '127', '192.168', '169.254'), octet, octet, octet, (start, ...rest) => {
        const ip = [...start.split('.'), ...rest].slice(0, 4).join('.');
        return !addressAllowed(ip, []) && !addressAllowed(`::ffff:${ip}`, []);
      }),
    );
  });
});

describe('literalAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['example.com', undefined],
    ['localhost', undefined],
    ['1.2.3.4.example', undefined],
    ['dead.beef', undefined],
    ['', undefined],
    ['a b', undefined],
    ['fe80::1%eth0', undefined],
  ])('reads %j as %j', (hostname, address) => {
    expect(literalAddress(hostname)).toBe(address);
  });
});
