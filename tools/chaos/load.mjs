// The producers: events at a steady rate, by HTTP and (where the log is Kafka) by a Kafka producer, each sent until acknowledged.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { AUTHORIZATION } from './product.mjs';
import { EVENT_TYPE, SINGLE_ACCOUNT, SINGLE_TYPE, SOURCE } from './world.mjs';
import { DefaultPartitioner } from '../bench/kafka-client.mjs';

const TICK_MS = 20;
const SUBJECTS = 24;
const SINGLE_SHARE = 0.03;
/** Sent a second time after its acknowledgement, as a producer does that did not get it. */
const AGAIN_SHARE = 0.02;
/** With so many unacknowledged the producers wait. */
const UNACKNOWLEDGED_MAX = 1_500;
const ANSWER_WITHIN_MS = 10_000;
const MESSAGES_AT_ONCE = 300;

export class Load {
  /** Acknowledged events of this round: id → `{ account, type, subject, n }`. */
  acknowledged = new Map();
  #sent = 0;
  #bySubject = new Map();
  #underWay = new Set();
  #queue = [];
  #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #isOn = false;
  #closed = false;

  constructor({ product, kafka, world, random, perSecond }) {
    Object.assign(this, { product, kafka, world, random, perSecond });
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.producing = kafka ? this.#produce() : undefined;
  }

  begin() {
    this.#isOn = true;
    this.startedAt = performance.now();
    this.#sent = 0;
  }

  /** Sends nothing new; resolves when all that was sent is acknowledged. */
  async end() {
    this.#isOn = false;
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  forget() {
    this.acknowledged.clear();
  }

  async close() {
    this.#closed = true;
    clearInterval(this.timer);
    this.#agent.destroy();
    await this.producing;
  }

  #tick() {
    if (!this.#isOn) return;
    const due = Math.floor(((performance.now() - this.startedAt) / 1_000) * this.perSecond);
    for (; this.#sent < due; this.#sent += 1) if (this.#underWay.size < UNACKNOWLEDGED_MAX) this.#begin();
  }

  #begin() {
    const isSingle = this.random.isLucky(SINGLE_SHARE);
    const account = isSingle ? SINGLE_ACCOUNT : this.random.pick(this.world.accounts);
    const subject = isSingle ? 'single' : `call-${this.random.between(1, SUBJECTS)}`;
    const place = `${account}/${subject}`;
    const known = this.#bySubject.get(place) ?? { n: 0, last: Promise.resolve() };
    const event = { account, subject, n: known.n + 1, type: isSingle ? SINGLE_TYPE : EVENT_TYPE };
    const id = `${place}/${event.n}`;
    const isByKafka = this.kafka !== undefined && place.length % 2 === 0;
    const again = this.random.isLucky(AGAIN_SHARE);
    const send = () => (isByKafka ? this.#enqueue(id, event) : this.#post(id, event));
    // The order of a subject is the producer's: it sends the next when it knows of the last. What is queued keeps its order.
    const done = isByKafka ? send() : known.last.then(send);
    const acknowledged = done.then(async () => {
      this.acknowledged.set(id, event);
      if (again) await send();
    });
    this.#bySubject.set(place, { n: event.n, last: acknowledged });
    this.#underWay.add(acknowledged);
    acknowledged.finally(() => this.#underWay.delete(acknowledged)).catch(() => undefined);
  }

  async #post(id, event) {
    for (;;) {
      const status = await this.#postOnce(id, event).catch(() => 0);
      if (status === 202) return;
      // 401: the credentials are not read yet.
      if (status >= 400 && status < 500 && status !== 401) throw new Error(`${id} was refused with ${status}`);
      await sleep(100);
    }
  }

  #postOnce(id, event) {
    const headers = { authorization: AUTHORIZATION, 'content-type': 'application/json' };
    for (const [name, value] of attributesOf(id, event)) headers[`ce-${name}`] = value;
    const { port } = this.product.of('ingestion');
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, host: '127.0.0.1', port, path: '/v2/events', method: 'POST', headers };
      const call = request(options, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
        answer.on('error', reject);
      });
      call.setTimeout(ANSWER_WITHIN_MS, () => call.destroy(new Error('no answer in time')));
      call.on('error', reject).end(dataOf(event));
    });
  }

  #enqueue(id, event) {
    return new Promise((resolve) => this.#queue.push({ id, event, resolve }));
  }

  /** One request at a time, in order; the same again under a new producer when it fails. */
  async #produce() {
    let producer;
    while (!this.#closed) {
      const batch = this.#queue.slice(0, MESSAGES_AT_ONCE);
      if (batch.length === 0) {
        await sleep(TICK_MS);
        continue;
      }
      try {
        producer ??= await this.#connect();
        await producer.send({ topic: `${this.product.prefix}events.v1`, acks: -1, messages: batch.map(messageOf) });
        this.#queue.splice(0, batch.length);
        for (const { resolve } of batch) resolve();
      } catch {
        producer?.disconnect().catch(() => undefined);
        producer = undefined;
        await sleep(200);
      }
    }
    await producer?.disconnect().catch(() => undefined);
  }

  async #connect() {
    const brokers = [this.kafka.brokers];
    const client = new kafkajs.Kafka({
      ...{ brokers, clientId: 'carrier', logLevel: kafkajs.logLevel.NOTHING, requestTimeout: ANSWER_WITHIN_MS },
      retry: { retries: 5, maxRetryTime: 1_000 },
    });
    const options = { idempotent: true, maxInFlightRequests: 1, createPartitioner: DefaultPartitioner };
    const producer = client.producer(options);
    await producer.connect();
    return producer;
  }
}

const attributesOf = (id, { account, subject, type }) => [
  ['specversion', '1.0'],
  ['id', id],
  ['source', SOURCE],
  ['type', type],
  ['subject', subject],
  ['accountid', String(account)],
];

const dataOf = ({ n }) => Buffer.from(JSON.stringify({ id: 7_420_017_300_281, n, message: 'x'.repeat(200) }));

function messageOf({ id, event }) {
  const headers = { 'content-type': 'application/json' };
  for (const [name, value] of attributesOf(id, event)) headers[`ce_${name}`] = value;
  return { key: `${event.account}:${event.subject}`, value: dataOf(event), headers };
}
