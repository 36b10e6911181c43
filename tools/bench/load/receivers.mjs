// The customers: 20 HTTP servers on ports of their own, that answer 200 at once or behave badly, as they are told.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { ENDPOINTS, failsFirst, numberIn } from './events.mjs';

const DRIP_MS = 1_000;
const DRIP_BYTES = 1_000;
const GOOD = { behaviour: 'good' };

const answer = (status) => (response) => response.writeHead(status, { 'content-length': 0 }).end();
const good = answer(200);

/** What is done when a request is there. Who refuses is not listening; whose name is not resolved gets none. */
const ANSWERS = {
  good,
  flaky: good,
  refuse: good,
  dns: good,
  error: answer(500),
  reset: (response) => response.socket.resetAndDestroy(),
  hang: (response, { afterMs }) => {
    const timer = setTimeout(good, afterMs, response);
    response.once('close', () => clearTimeout(timer));
  },
  drip: (response) => {
    response.writeHead(200, { 'content-length': DRIP_BYTES });
    const timer = setInterval(() => response.write('.'), DRIP_MS);
    response.once('close', () => clearInterval(timer));
  },
};

/**
 * `onArrival(body, at, isGood)` when the last byte of a request is there; `isGood`: it is answered 200 at once. Resolves with
 * `{ ports, behave({ endpoints, behaviour, afterMs }) }`: from then on, on new connections.
 */
export async function startReceivers(onArrival) {
  const receivers = [];
  for (let index = 0; index < ENDPOINTS; index += 1) receivers.push(await startReceiver(onArrival));
  const behave = async ({ endpoints, ...how }) => {
    for (const index of endpoints) await receivers[index].behave(how);
  };
  return { ports: receivers.map(({ port }) => port), behave };
}

async function startReceiver(onArrival) {
  let how = GOOD;
  const failed = new Set();
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      const at = performance.now();
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      const isFirstFailure = how.behaviour === 'flaky' && failsNow(numberIn(body));
      onArrival(body, at, !isFirstFailure && ANSWERS[how.behaviour] === good);
      if (isFirstFailure) ANSWERS.error(response);
      else ANSWERS[how.behaviour](response, how);
    });
  });
  const failsNow = (n) => {
    if (!failsFirst(n) || failed.has(n)) return false;
    failed.add(n);
    return true;
  };
  server.keepAliveTimeout = 120_000;
  const listen = async (port) => {
    server.listen(port, '127.0.0.1', 4096);
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address();
  return {
    port,
    behave: async (next) => {
      how = next;
      failed.clear();
      // A customer's server that was restarted, moved or put behind something else: no connection outlives it.
      server.closeAllConnections();
      if (how.behaviour === 'refuse') server.close();
      else if (!server.listening) await listen(port);
    },
  };
}
