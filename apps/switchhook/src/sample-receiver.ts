import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A customer's server in small: takes calls on loopback and checks them as docs/receivers.md tells. */
export interface SampleReceiver {
  /** With a path that nobody else knows. */
  readonly url: string;
  /** Resolves with the first call whose signature is right; rejects on one whose is wrong, and when `signal` aborts. */
  nextVerified(secret: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

type Take = (headers: IncomingHttpHeaders, body: Buffer) => boolean;

export async function openSampleReceiver(): Promise<SampleReceiver> {
  const path = `/${randomUUID()}`;
  let take: Take = () => false;
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const accepted = request.url === path && take(request.headers, body);
      response.writeHead(accepted ? 204 : 400).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    nextVerified: (secret, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('The call did not come in time')), { once: true });
        take = (headers, body) => {
          const verified = isSignedBy(secret, headers, body);
          if (verified) resolve();
          else reject(new Error('The signature of the call is wrong'));
          return verified;
        };
      }),
    close: async () => void server.close(),
  };
}

/** Standard Webhooks 1.0, symmetric: `v1,` and the base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`. */
function isSignedBy(secret: string, headers: IncomingHttpHeaders, body: Buffer): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures } = headers;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key)
    .update(`${String(id)}.${String(seconds)}.`)
    .update(body)
    .digest();
  return String(signatures)
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice('v1,'.length), 'base64'))
    .some((actual) => actual.length === expected.length && timingSafeEqual(actual, expected));
}
