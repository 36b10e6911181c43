import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { silentLogger } from '../testing/silent-logger.js';
import { patchKafkajs } from './kafkajs-patches.js';

const require = createRequire(import.meta.url);
const Connection = require('kafkajs/src/network/connection.js');
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js');
const { createLogger } = require('kafkajs/src/loggers/index.js');
const NAMES = { clientId: 'test', broker: 'nowhere:9092', logger: silentLogger };

patchKafkajs();

it('a request to Kafka that nobody answers fails, a second after its limit at most', async () => {
  const queue = new RequestQueue({ ...NAMES, requestTimeout: 1, enforceRequestTimeout: true, isConnected: () => true });
  queue.scheduleRequestTimeoutCheck();
  const answer = new Promise((resolve, reject) => {
    const entry = { correlationId: 1, apiName: 'Fetch', apiKey: 1, apiVersion: 11, resolve, reject };
    queue.push({ entry, expectResponse: true, requestTimeout: 1, sendRequest: () => undefined });
  });
  await expect(answer).rejects.toThrow('timed out');
  expect(queue.inflight.size).toBe(0);
  queue.destroy();
});

/** As a broker sends it: length, correlation id, payload. */
function answer(correlationId: number, payload: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + payload.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, Buffer.from(payload)]);
}

it('a connection keeps nothing of answers that are whole, and what has come of one that is not', () => {
  const logger = createLogger({ level: 0, logCreator: () => () => undefined });
  const connection = new Connection({ ...NAMES, logger, host: 'nowhere', port: 1, socketFactory: () => undefined });
  const answers: string[] = [];
  connection.requestQueue = {
    fulfillRequest: (one: { correlationId: number; payload: Buffer }) =>
      answers.push(`${one.correlationId} ${one.payload.toString()}`),
  };
  connection.processData(Buffer.concat([answer(1, 'one'), answer(2, 'two')]));
  expect(connection.chunks).toEqual([]);
  const third = answer(3, 'three');
  for (const byte of third.subarray(0, -1)) connection.processData(Buffer.of(byte));
  expect(Buffer.concat(connection.chunks)).toEqual(third.subarray(0, -1));
  connection.processData(Buffer.concat([third.subarray(-1), answer(4, '')]));
  expect(connection.chunks).toEqual([]);
  expect(answers).toEqual(['1 one', '2 two', '3 three', '4 ']);
});
