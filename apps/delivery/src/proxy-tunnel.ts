import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { HostAddress } from './hosts-file.js';
import type { ResolveHost } from './resolve-host.js';

export interface ProxyTunnelOptions {
  /** `http:` or `https:`, with `user:password@` where it wants to know who asks. */
  readonly proxy: URL;
  readonly resolve: ResolveHost;
  /** Of this machine, for the connection to the proxy. */
  readonly localAddress: string | undefined;
  readonly timeoutMs: number;
}

/** A connection through the proxy to an address, never to a name: what the proxy resolved nobody would have checked. */
export type OpenTunnel = (address: HostAddress, port: number) => Promise<Socket>;

/** Raised when the proxy does not let a connection through. It has the code of a connection that was refused. */
export class ProxyRefusedError extends Error {
  readonly code = 'ECONNREFUSED';
}

/** Opens tunnels by `CONNECT` (RFC 9110 §9.3.6), for http and https alike. */
export function proxyTunnel({ proxy, resolve, localAddress, timeoutMs }: ProxyTunnelOptions): OpenTunnel {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const user = [proxy.username, proxy.password].map(decodeURIComponent).join(':');
  const authorization = user === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) =>
        all ? callback(null, [...addresses]) : callback(null, addresses[0]?.address ?? '', addresses[0]?.family),
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
  const options: RequestOptions = {
    ...{ host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80) },
    ...{ method: 'CONNECT', agent: false, lookup, localAddress, timeout: timeoutMs },
  };
  return ({ address, family }, port) =>
    new Promise((resolved, rejected) => {
      const path = `${family === 6 ? `[${address}]` : address}:${port}`;
      const asked = request({ ...options, path, headers: { host: path, ...authorization } });
      asked.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
        if (statusCode >= 200 && statusCode <= 299 && head.length === 0) return resolved(socket);
        socket.destroy();
        rejected(new ProxyRefusedError(`the proxy answered ${statusCode} to CONNECT ${path}`));
      });
      // A proxy that answers as if it were a server.
      asked.once('response', () => asked.destroy(new ProxyRefusedError('the proxy does not know CONNECT')));
      asked.once('timeout', () =>
        asked.destroy(Object.assign(new Error('the proxy is silent'), { code: 'ETIMEDOUT' })),
      );
      asked.once('error', rejected);
      asked.end();
    });
}
