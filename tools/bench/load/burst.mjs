// Many events of one account at once, apart from the ledger's.
import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { LingeringProducer } from '../floor/lingering-producer.mjs';
import { connectKafka } from '../kafka-client.mjs';
import { burstAttributesOf, burstDataOf } from './events.mjs';
import { kafkaMessage } from './senders.mjs';

const AT_ONCE = 1_000;
const REQUESTS_AT_ONCE = 4;
const AGAIN_AFTER_MS = 200;
const WINDOW_MS = 1_000;

export class Burst {
  acknowledged = 0;
  arrived = 0;
  repeated = 0;
  #arrivalAt;
  #isThere;
  #arrivals = 0;

  #prepared = [];

  constructor(count) {
    this.count = count;
    this.#arrivalAt = new Float64Array(2 * count);
    this.#isThere = new Uint8Array(count);
  }

  arrive(k, at) {
    if (!(k >= 0 && k < this.count)) return;
    if (this.#arrivals < this.#arrivalAt.length) this.#arrivalAt[this.#arrivals++] = at;
    if (this.#isThere[k]) this.repeated += 1;
    else this.arrived += 1;
    this.#isThere[k] = 1;
  }

  counts() {
    const { count, acknowledged, arrived, repeated } = this;
    return { count, acknowledged, arrived, repeated };
  }

  /** How they arrived: the rate from the first to the last, and the most within any second. */
  result() {
    const times = this.#arrivalAt.subarray(0, this.#arrivals);
    const tookMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
    let peakPerSecond = 0;
    for (let from = 0, to = 0; to < times.length; to += 1) {
      while (times[to] - times[from] >= WINDOW_MS) from += 1;
      peakPerSecond = Math.max(peakPerSecond, to - from + 1);
    }
    return { ...this.counts(), tookMs, perSecond: (times.length - 1) / (tookMs / 1_000), peakPerSecond };
  }

  /** Makes what will be sent beforehand, so that making it takes no time from what is measured. */
  async prepare(target, account) {
    const { make } = target.brokers ? kafka(target) : http(target);
    for (let from = 0; from < this.count; from += AT_ONCE) {
      const events = Array.from({ length: Math.min(AT_ONCE, this.count - from) }, (_, offset) => from + offset);
      this.#prepared.push({ count: events.length, request: make(events, account) });
      await immediately();
    }
  }

  /** Sends what was prepared; resolves when all is acknowledged. */
  async send(target) {
    const sender = target.brokers ? kafka(target) : http(target);
    await sender.open?.();
    const work = async () => {
      for (let next = this.#prepared.shift(); next; next = this.#prepared.shift()) {
        await sender.send(next.request);
        this.acknowledged += next.count;
      }
    };
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, work));
    await sender.close();
  }
}

/** CloudEvents in batches, sent again until they are acknowledged. */
function http({ url, authorization }) {
  const dispatcher = new Agent({ connections: REQUESTS_AT_ONCE, pipelining: 1, allowH2: false });
  const headers = { authorization, 'content-type': 'application/cloudevents-batch+json' };
  const post = async (body) => {
    const answer = await request(`${url}/v2/events`, { method: 'POST', dispatcher, headers, body });
    const text = await answer.body.text();
    const { statusCode } = answer;
    if (statusCode >= 400 && statusCode < 500 && statusCode !== 429) throw new Error(`burst: ${statusCode} ${text}`);
    return statusCode === 202;
  };
  return {
    make: (events, account) => Buffer.from(`[${events.map((k) => inStructuredMode(k, account)).join(',')}]`),
    send: async (body) => {
      while (!(await post(body))) await sleep(AGAIN_AFTER_MS);
    },
    close: () => dispatcher.close(),
  };
}

/** An event in JSON, its data as they are. */
function inStructuredMode(k, account) {
  const head = JSON.stringify({ ...burstAttributesOf(k, account), datacontenttype: 'application/json' });
  return `${head.slice(0, -1)},"data":${burstDataOf(k)}}`;
}

function kafka({ brokers, topic }) {
  let producer;
  return {
    open: () => (producer = new LingeringProducer(connectKafka(brokers, 'bench-burst'))).connect(),
    make: (events, account) => events.map((k) => kafkaMessage(topic, burstAttributesOf(k, account), burstDataOf(k))),
    send: (messages) => producer.send(messages),
    close: () => producer.close(),
  };
}
