// The two ways in. `send(n)` resolves when event n is acknowledged: it is sent again until then, under the same id.
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { connectKafka } from '../kafka-client.mjs';
import { LingeringProducer } from '../floor/lingering-producer.mjs';
import { attributesOf, dataOf } from './events.mjs';

/** Doubling, as clients do: thousands that ask ten times a second would be a load of their own while nobody answers. */
const AGAIN_AFTER_MS = { first: 100, most: 1_600 };
const ANSWER_WITHIN_MS = 10_000;

/** One event per request, CloudEvents binary mode. */
export function httpSender({ url, authorization, connections }, { spread, onRefusal }) {
  const dispatcher = new Agent({
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: ANSWER_WITHIN_MS,
    connect: { timeout: 2_000 },
  });
  const post = async (n) => {
    const headers = { authorization, 'content-type': 'application/json' };
    const attributes = attributesOf(n, spread);
    for (const name in attributes) headers[`ce-${name}`] = attributes[name];
    const { statusCode, body } = await request(`${url}/v2/events`, {
      method: 'POST',
      dispatcher,
      headers,
      body: dataOf(n),
    });
    await body.dump();
    return statusCode;
  };
  return {
    send: async (n) => {
      for (let pauseMs = AGAIN_AFTER_MS.first; ; pauseMs = Math.min(AGAIN_AFTER_MS.most, pauseMs * 2)) {
        const status = await post(n).catch(() => 0);
        if (status === 202) return;
        onRefusal(status);
        if (status >= 400 && status < 500) throw new Error(`event-${n} was refused with ${status}`);
        await sleep(pauseMs);
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Produced to the events topic, `acks=all`, idempotent; what comes while a request is under way goes out with the next. */
export async function kafkaSender({ brokers, topic }, { spread }) {
  const producer = new LingeringProducer(connectKafka(brokers, 'bench-load'));
  await producer.connect();
  return {
    send: (n) => producer.send([kafkaMessage(topic, attributesOf(n, spread), dataOf(n))]),
    close: () => producer.close(),
  };
}

/** CloudEvents, binary mode. */
export function kafkaMessage(topic, attributes, value) {
  const headers = { 'content-type': 'application/json' };
  for (const name in attributes) headers[`ce_${name}`] = attributes[name];
  return { topic, key: `${attributes.accountid}:${attributes.subject}`, value, headers };
}
