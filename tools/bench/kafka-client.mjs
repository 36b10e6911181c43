// kafkajs, as the load, the floor and the bench itself use it.
import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';

const require = createRequire(import.meta.url);
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js');

// kafkajs 2.2.4 runs a timer of 1 ms for ever on each connection (tulios/kafkajs#1751): it is needed only while something waits.
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleWhenNeeded() {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
};

// And each connection looks ten times a second for requests that take too long; nothing here is in such a hurry.
RequestQueue.prototype.scheduleRequestTimeoutCheck = function checkEverySecond() {
  this.destroy();
  this.requestTimeoutIntervalId = setInterval(() => {
    for (const request of this.inflight.values())
      if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
    if (!this.isConnected()) this.destroy();
  }, 1_000);
};

/** A client of the brokers (comma list). */
export function connectKafka(brokers, clientId) {
  return new kafkajs.Kafka({
    brokers: brokers.split(','),
    clientId,
    logLevel: kafkajs.logLevel.ERROR,
    retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
}

/** Spreads keys as Kafka's own clients do. */
export const { DefaultPartitioner } = kafkajs.Partitioners;
