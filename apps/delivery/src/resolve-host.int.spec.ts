import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@switchhook/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NameNotResolvedError, classifyCallError } from './attempt-error.js';
import { startDnsServer, type Zone } from './dns-server.fixture.js';
import { parseHosts, watchHostsFile, type HostsFile } from './hosts-file.js';
import { hostResolver } from './resolve-host.js';

const zone: Zone = {
  'both.example': { addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] },
  'four.example': { addresses: ['192.0.2.4'] },
  'brief.example': { addresses: ['192.0.2.9'], ttl: 0 },
  'given.example': { addresses: ['192.0.2.5'] },
  'broken.example': 'servfail',
  'hanging.example': 'hang',
};
const NO_HOSTS = { find: () => undefined };
const closing: (() => unknown)[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hosts-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await rm(folder, { recursive: true });
});

async function start(hosts: Pick<HostsFile, 'find'> = NO_HOSTS) {
  const server = await startDnsServer(zone);
  closing.push(() => server.close());
  return { ...server, resolve: hostResolver({ hosts, resolver: server.resolver }) };
}

async function hostsFile(text: string) {
  const path = join(folder, 'hosts');
  await writeFile(path, text);
  const hosts = watchHostsFile(path, 20);
  closing.push(() => hosts.close());
  return { path, hosts };
}

const addressesOf = async (found: Promise<readonly { address: string }[]>) =>
  (await found).map(({ address }) => address);

describe('a name', () => {
  it('has all its A and AAAA addresses, whatever its case and with a dot at its end', async () => {
    const { resolve } = await start();
    const all = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];
    expect(await addressesOf(resolve('both.example'))).toEqual(all);
    expect(await addressesOf(resolve('Both.Example.'))).toEqual(all);
    expect(await addressesOf(resolve('four.example'))).toEqual(['192.0.2.4']);
  });

  it('is asked for once while a look-up is under way, and as long as its TTL says', async () => {
    const { resolve, asked } = await start();
    await Promise.all([1, 2, 3, 4, 5].map(() => resolve('four.example')));
    await resolve('four.example');
    expect(asked.sort()).toEqual(['A four.example', 'AAAA four.example']);
    await resolve('brief.example');
    await resolve('brief.example');
    expect(asked.filter((question) => question === 'A brief.example')).toHaveLength(2);
  });

  it('is never completed by a search domain', async () => {
    const { resolve, asked } = await start();
    await expect(resolve('intranet')).rejects.toThrow(NameNotResolvedError);
    expect(asked.sort()).toEqual(['A intranet', 'AAAA intranet']);
  });

  it.each(['nowhere.example', 'broken.example', 'hanging.example', `${'x'.repeat(64)}.example`, 'a..b', ''])(
    'that has no address ends as dns: %j',
    async (name) => {
      const { resolve } = await start();
      const error: unknown = await resolve(name).catch((reason: unknown) => reason);
      expect(classifyCallError(error)).toBe('dns');
    },
  );

  it('is not dns alone when the name server cannot be reached', async () => {
    const { resolve, close } = await start();
    closing.length = 0;
    close();
    await expect(resolve('four.example').catch(classifyCallError)).resolves.toBe('dns');
  });

  it('that is an address is that address, and localhost is loopback, without asking anybody', async () => {
    const { resolve, asked } = await start();
    expect(await resolve('192.0.2.7')).toEqual([{ address: '192.0.2.7', family: 4 }]);
    expect(await resolve('[2001:db8::7]')).toEqual([{ address: '2001:db8::7', family: 6 }]);
    for (const name of ['localhost', 'LOCALHOST.', 'a.localhost']) {
      expect(await addressesOf(resolve(name))).toEqual(['127.0.0.1', '::1']);
    }
    expect(asked).toEqual([]);
  });
});

describe('the hosts file', () => {
  it('comes before the name server, in any case, every address of a name', async () => {
    const { hosts } = await hostsFile('10.1.1.1 GIVEN.example alias # comment\n\n2001:db8::5\tgiven.example\n');
    const { resolve, asked } = await start(hosts);
    expect(await addressesOf(resolve('given.EXAMPLE'))).toEqual(['10.1.1.1', '2001:db8::5']);
    expect(await addressesOf(resolve('alias'))).toEqual(['10.1.1.1']);
    expect(asked).toEqual([]);
  });

  it('is read again when it changes, when another is put in its place, and when it goes away', async () => {
    const { path, hosts } = await hostsFile('10.1.1.1 given.example');
    const { resolve } = await start(hosts);
    const found = (address: string) =>
      eventually(async () => (await addressesOf(resolve('given.example')))[0] === address);
    await found('10.1.1.1');
    await writeFile(path, '10.1.1.22 given.example');
    await found('10.1.1.22');
    await writeFile(`${path}.new`, '10.1.1.3 given.example');
    await rename(`${path}.new`, path);
    await found('10.1.1.3');
    await rm(path);
    await found('192.0.2.5');
  });

  it('may hold what is no address, or a zone, and is read around it', () => {
    const hosts = parseHosts('nonsense a\n fe80::1%lo0 b\n10.0.0.1\n10.0.0.2 c c2 # c3\n#10.0.0.3 d\r\n10.0.0.4 e\r\n');
    expect([...hosts]).toEqual([
      ['c', [{ address: '10.0.0.2', family: 4 }]],
      ['c2', [{ address: '10.0.0.2', family: 4 }]],
      ['e', [{ address: '10.0.0.4', family: 4 }]],
    ]);
  });
});
