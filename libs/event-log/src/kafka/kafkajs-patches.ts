import Connection from 'kafkajs/src/network/connection.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

const TIMEOUT_CHECK_MS = 1_000;

let patched = false;

/** What kafkajs 2.2.4 does and we cannot live with, mended once for the process. */
export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  restIdleTimers();
  forgetAnswers();
}

/**
 * kafkajs lets every connection run a timer of 1 ms for ever (tulios/kafkajs#1751). A look at what is pending is only
 * needed when something is, or while the broker throttles us. Nor need each of some two dozen connections look ten times a
 * second for requests whose limit is ten seconds and more.
 */
function restIdleTimers(): void {
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
  RequestQueue.prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue): void {
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      const now = Date.now();
      for (const request of this.inflight.values()) {
        if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    }, TIMEOUT_CHECK_MS);
  };
}

/**
 * What is left behind an answer is a view of it, of no bytes mostly: it keeps the whole answer until the next one on the
 * connection, a second for the archive and megabytes (docs/adr/0043), and the next one is copied to be joined with it.
 */
function forgetAnswers(): void {
  const process = Connection.prototype.processData;
  Connection.prototype.processData = function (this: Connection, chunk: Buffer): void {
    process.call(this, chunk);
    if (this.bytesBuffered === 0) this.chunks = [];
  };
}
