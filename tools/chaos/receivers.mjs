// The customers' servers: one HTTP server, a path per webhook, that notes every call and behaves as its webhook's customer does.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { StallingProxy } from './stalling-proxy.mjs';

/** Weights of what a flaky customer's server does with a call. */
const FLAKY = { 200: 86, 503: 8, reset: 3, hang: 1, slow: 2 };
/** Of one whose deliveries often end without success; more would open its breaker for good. */
const FAILING = 0.15;
const SLOW_MS = 400;

export class Receivers {
  proxy;
  /** Delivery id → its calls, in the order in which they came: `{ at, number, run, path, status }`. */
  calls = new Map();
  /** Ordered webhooks only: path → delivery ids as their calls came. */
  inOrder = new Map();
  badSignatures = 0;
  /** While it is true those that are flaky fail every call. */
  isOutage = false;
  #secrets = new Map();
  #behaviours = new Map();
  #server;

  constructor(random) {
    this.random = random;
    this.#server = createServer((request, response) => this.#take(request, response));
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.proxy = new StallingProxy(this.#server.address().port);
    this.url = `http://127.0.0.1:${await this.proxy.listen()}`;
  }

  /** `behaviour`: `well`, `flaky` or `failing`. */
  serve(name, behaviour, isOrdered) {
    this.#behaviours.set(name, behaviour);
    if (isOrdered) this.inOrder.set(name, []);
    return `${this.url}/${name}`;
  }

  verify(name, secret) {
    this.#secrets.set(name, new Webhook(secret));
  }

  /** Forgets the calls: their round is over. */
  forget() {
    this.calls.clear();
    for (const name of this.inOrder.keys()) this.inOrder.set(name, []);
  }

  close() {
    this.proxy.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(request, response) {
    const name = request.url.slice(1);
    const id = request.headers['switchhook-delivery'];
    const [number, run = '0'] = request.headers['switchhook-attempt'].split(';run=');
    const call = { at: Date.now(), number: Number(number), run: Number(run), name, status: 0 };
    this.calls.set(id, [...(this.calls.get(id) ?? []), call]);
    this.inOrder.get(name)?.push(id);
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      this.#verify(name, Buffer.concat(chunks), request.headers);
      this.#answer(call, response);
    });
  }

  #verify(name, body, headers) {
    try {
      this.#secrets.get(name)?.verify(body.toString('utf8'), headers);
    } catch {
      this.badSignatures += 1;
    }
  }

  #answer(call, response) {
    const does = this.#behave(call.name);
    if (does === 'hang') return;
    if (does === 'reset') return void response.socket?.resetAndDestroy();
    call.status = does === 'slow' ? 200 : Number(does);
    const answer = () => response.destroyed || response.writeHead(call.status).end();
    if (does === 'slow') setTimeout(answer, SLOW_MS);
    else answer();
  }

  #behave(name) {
    const behaviour = this.#behaviours.get(name) ?? 'well';
    if (behaviour === 'failing') return this.random.isLucky(FAILING) ? '503' : '200';
    if (behaviour !== 'flaky') return '200';
    return this.isOutage ? '503' : this.random.weighted(FLAKY);
  }
}
