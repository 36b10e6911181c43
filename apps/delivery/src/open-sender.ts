import { Resolver } from 'node:dns/promises';
import type { DeliveryConfig } from './config.js';
import { watchHostsFile } from './hosts-file.js';
import { httpSender, type HttpSender } from './http-sender.js';
import { hostResolver } from './resolve-host.js';

const DNS = { timeout: 2_000, tries: 1 };
const HOSTS_FILE = { path: '/etc/hosts', everyMs: 5_000 };

/** The sender with what it stands on: this machine's hosts file and name servers. */
export function openSender({ allowedCidrs }: DeliveryConfig): HttpSender {
  const hosts = watchHostsFile(HOSTS_FILE.path, HOSTS_FILE.everyMs);
  const { send, close } = httpSender({ resolve: hostResolver({ hosts, resolver: new Resolver(DNS) }), allowedCidrs });
  const closeAll = (): Promise<void> => {
    hosts.close();
    return close();
  };
  return { send, close: closeAll };
}
