// The customers: 20 HTTP servers on 20 ports, that answer 200 at once, or (one of them) only after some seconds.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { ENDPOINTS, numberIn } from './events.mjs';

/** `onArrival(n, at)` when the last byte of event n is there. Resolves with `{ urls, hang(index, afterMs) }`. */
export async function startReceivers(onArrival) {
  const answersAfterMs = new Array(ENDPOINTS).fill(0);
  const urls = [];
  for (let index = 0; index < ENDPOINTS; index += 1) {
    const server = createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('error', () => response.destroy());
      request.on('end', () => {
        const at = performance.now();
        onArrival(numberIn(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)), at);
        const answer = () => response.writeHead(200, { 'content-length': 0 }).end();
        if (answersAfterMs[index] > 0) setTimeout(answer, answersAfterMs[index]);
        else answer();
      });
    });
    server.keepAliveTimeout = 120_000;
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    urls.push(`http://127.0.0.1:${server.address().port}/hook`);
  }
  return { urls, hang: (index, afterMs) => (answersAfterMs[index] = afterMs) };
}
