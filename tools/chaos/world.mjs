// Who is there in a run: accounts, their webhooks, and an operator who changes things all the time.
import { setTimeout as sleep } from 'node:timers/promises';
import { AUTHORIZATION } from './product.mjs';

const RETRY = { delaysMs: [200, 500, 1_000, 2_000, 4_000, 4_000, 4_000], maxAgeMs: 600_000 };
const STANDARD = {
  profile: 'standard',
  resource: 'OutboundCall',
  events: ['Finished'],
  timeoutMs: 2_500,
  retry: RETRY,
};
const ORDERED = { ...STANDARD, ordering: 'key' };

/** Of every event that is sent. */
export const SOURCE = 'chaos';
/** What is sent to an account with webhooks that want all, and to the one whose webhooks want one event each. */
export const EVENT_TYPE = 'OutboundCall.Finished';
export const SINGLE_TYPE = 'InboundCall.Finished';
export const SINGLE_ACCOUNT = 204;

const WEBHOOKS = [
  { name: 'plain', account: 201, behaviour: 'well', asked: STANDARD },
  {
    name: 'callfire',
    account: 201,
    behaviour: 'well',
    asked: { ...STANDARD, profile: 'callfire-v2', secret: 'sealed' },
  },
  { name: 'ordered', account: 202, behaviour: 'well', asked: ORDERED },
  { name: 'ordered-flaky', account: 202, behaviour: 'flaky', asked: ORDERED },
  { name: 'flaky', account: 203, behaviour: 'flaky', asked: STANDARD },
  { name: 'limited', account: 203, behaviour: 'well', asked: { ...STANDARD, rateLimit: { perSecond: 40, burst: 5 } } },
  {
    name: 'exhausted',
    account: 204,
    behaviour: 'failing',
    asked: { ...STANDARD, retry: { ...RETRY, delaysMs: [100] } },
  },
];
const NOTICES = { ...STANDARD, resource: 'Webhook', events: ['Exhausted', 'Disabled'] };
const ANSWER_WITHIN_MS = 30_000;
const OPERATOR_EVERY_MS = 700;

export class World {
  /** Account → its webhooks that want every event: `{ id, name, isOrdered }`. */
  webhooks = new Map();
  #stopped = false;
  #operating;
  #singles = 0;

  constructor({ product, receivers, random }) {
    Object.assign(this, { product, receivers, random });
  }

  get accounts() {
    return [...this.webhooks.keys()];
  }

  async create() {
    for (const { name, account, behaviour, asked } of WEBHOOKS) {
      const isOrdered = asked.ordering === 'key';
      const callback = this.receivers.serve(name, behaviour, isOrdered);
      const { id, secret } = await this.#insist(account, 'POST', '/v2/webhooks', { ...asked, name, callback });
      if (secret) this.receivers.verify(name, secret);
      this.webhooks.set(account, [...(this.webhooks.get(account) ?? []), { id, name, isOrdered }]);
    }
    const callback = this.receivers.serve('notices', 'well');
    await this.#insist(SINGLE_ACCOUNT, 'POST', '/v2/webhooks', { ...NOTICES, name: 'notices', callback });
  }

  /** Begins to change things, as quickly as it is answered, until `rest`. */
  operate() {
    this.#stopped = false;
    this.#operating = this.#operateOn();
  }

  async rest() {
    this.#stopped = true;
    await this.#operating;
  }

  async #operateOn() {
    while (!this.#stopped) {
      await this.#change().catch(() => undefined);
      await sleep(OPERATOR_EVERY_MS);
    }
  }

  /** One change. Nobody insists: what becomes of it must not matter. */
  async #change() {
    const kind = this.random.weighted({ single: 5, labels: 2, headers: 2, credential: 1 });
    const account = this.random.pick(this.accounts);
    const { id } = this.random.pick(this.webhooks.get(account));
    const at = String(Date.now());
    if (kind === 'labels') await this.#ask(account, 'PUT', `/v2/webhooks/${id}`, { labels: { at } });
    if (kind === 'headers') await this.#ask(account, 'PUT', `/v2/webhooks/${id}`, { headers: { 'x-at': at } });
    if (kind === 'credential') await this.#ask(account, 'POST', '/v2/me/api/credentials', { name: `at ${at}` });
    if (kind !== 'single') return;
    const name = `single-${(this.#singles += 1)}`;
    const callback = this.receivers.serve('single', 'well');
    const asked = { ...STANDARD, resource: 'InboundCall', singleUse: true };
    await this.#ask(SINGLE_ACCOUNT, 'POST', '/v2/webhooks', { ...asked, name, callback });
  }

  /** Until it is done. */
  async #insist(account, method, path, body) {
    for (;;) {
      const answer = await this.#ask(account, method, path, body).catch(() => undefined);
      if (answer && answer.status < 300) return answer.body;
      if (answer && answer.status < 500 && answer.status !== 401) {
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      await sleep(200);
    }
  }

  async #ask(account, method, path, body) {
    const response = await fetch(this.product.of('subscriptions').url + path, {
      method,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        authorization: AUTHORIZATION,
        'content-type': 'application/json',
        'switchhook-account': String(account),
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }
}

/** The deliveries of an account as `GET /v2/deliveries` answers them, page by page. */
export async function answersOf(product, account, sinceMs) {
  const headers = { authorization: AUTHORIZATION, 'switchhook-account': String(account) };
  const items = [];
  let cursor = null;
  do {
    const query = `limit=500&from=${sinceMs}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const url = `${product.of('audit').url}/v2/deliveries?${query}`;
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const page = await answer.json();
    if (answer.status !== 200) throw new Error(`GET /v2/deliveries: ${answer.status} ${JSON.stringify(page)}`);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}
