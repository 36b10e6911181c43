import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { createServer } from 'node:net';
import { ConfigError } from '@switchhook/platform';
import type { DeliveryConfig } from './config.js';
import { watchHostsFile } from './hosts-file.js';
import { httpSender, type HttpSender } from './http-sender.js';
import { hostResolver } from './resolve-host.js';

const DNS = { timeout: 2_000, tries: 1 };
const HOSTS_FILE = { path: '/etc/hosts', everyMs: 5_000 };

/**
 * The sender with what it stands on: this machine's hosts file and name servers, or those that were set. Throws `ConfigError` when connections cannot
 * be made from the address that was set.
 */
export async function openSender(config: DeliveryConfig): Promise<HttpSender> {
  if (config.localAddress !== undefined) await checkIsOurs(config.localAddress);
  const hosts = watchHostsFile(HOSTS_FILE.path, HOSTS_FILE.everyMs);
  const resolver = new Resolver(DNS);
  if (config.nameServers !== undefined) resolver.setServers(config.nameServers);
  const { send, close } = httpSender({ resolve: hostResolver({ hosts, resolver }), ...config });
  const closeAll = (): Promise<void> => {
    hosts.close();
    return close();
  };
  return { send, close: closeAll };
}

async function checkIsOurs(address: string): Promise<void> {
  const server = createServer();
  try {
    server.listen(0, address);
    await once(server, 'listening');
  } catch {
    const words = `must be an address of this machine (it is "${address}")`;
    throw new ConfigError([{ variable: 'SWITCHHOOK_OUTBOUND_ADDRESS', words }]);
  } finally {
    server.close();
  }
}
