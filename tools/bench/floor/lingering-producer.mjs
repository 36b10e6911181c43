import { DefaultPartitioner } from '../kafka-client.mjs';

const MESSAGES_PER_REQUEST = 2_000;

/** One producer for everybody: what is handed in while a request is under way goes out together with the next one. */
export class LingeringProducer {
  #queue = [];
  #running = false;
  #producer;

  constructor(kafka) {
    this.#producer = kafka.producer({
      idempotent: true,
      // More than one in flight would break the sequence.
      maxInFlightRequests: 1,
      createPartitioner: DefaultPartitioner,
    });
  }

  connect() {
    return this.#producer.connect();
  }

  /** Resolves when all `messages` (`{ topic, partition, key, value, headers }`) are acknowledged, with their positions. */
  send(messages) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ messages, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  close() {
    return this.#producer.disconnect();
  }

  async #run() {
    this.#running = true;
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const calls = this.#take();
      try {
        const appended = await this.#producer.sendBatch({ acks: -1, topicMessages: byTopic(calls) });
        const next = new Map(appended.map((one) => [`${one.topicName} ${one.partition}`, Number(one.baseOffset)]));
        for (const { messages, resolve } of calls) resolve(messages.map((message) => positionOf(message, next)));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    this.#running = false;
  }

  #take() {
    let count = 0;
    let messages = 0;
    while (count < this.#queue.length && messages < MESSAGES_PER_REQUEST)
      messages += this.#queue[count++].messages.length;
    return this.#queue.splice(0, count);
  }
}

/** Messages of a partition are appended in the order in which they were handed in. */
function positionOf({ topic, partition }, next) {
  const place = `${topic} ${partition}`;
  const position = next.get(place);
  next.set(place, position + 1);
  return position;
}

function byTopic(calls) {
  const topics = new Map();
  for (const { messages } of calls)
    for (const message of messages) {
      const list = topics.get(message.topic);
      if (list) list.push(message);
      else topics.set(message.topic, [message]);
    }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
