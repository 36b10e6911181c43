// What became of each event: when it was due, acknowledged, and arrived how often. Times are this process's performance.now().
import { ENDPOINTS, KEYS, endpointOf, failsFirst, keyOf } from './events.mjs';
import { curveOf, percentile } from '../stats.mjs';

const MOST_EVENTS = 2 ** 22;
const CURVE_POINTS = 400;

export class Ledger {
  sent = 0;
  acknowledged = 0;
  /** First arrivals. */
  arrived = 0;
  refusals = 0;
  /** Every arrival, repetitions too. */
  arrivals = 0;
  /** Arrivals while the event before it of its key had not been answered well. */
  inversions = 0;
  marks = [];
  #due = new Float64Array(MOST_EVENTS);
  #first = new Float64Array(MOST_EVENTS);
  #isAcknowledged = new Uint8Array(MOST_EVENTS);
  #isAnswered = new Uint8Array(MOST_EVENTS);
  #times = new Uint16Array(MOST_EVENTS);
  #arrivalAt = new Float64Array(MOST_EVENTS);
  #arrivalOf = new Uint32Array(MOST_EVENTS);
  #skipped;
  #skippedSent = 0;
  #skippedArrived = 0;

  /** Events go to `spread` endpoints in turn; those to the endpoints of `skip` do not count. */
  constructor({ spread = ENDPOINTS, skip = [] } = {}) {
    this.spread = spread;
    this.#skipped = Array.from({ length: spread }, (_, index) => skip.includes(index));
  }

  /** Events that count and have not arrived. */
  get underWay() {
    return this.sent - this.#skippedSent - (this.arrived - this.#skippedArrived);
  }

  begin(dueAt) {
    if (this.sent === MOST_EVENTS) throw new Error(`More than ${MOST_EVENTS} events in one run`);
    this.#due[this.sent] = dueAt;
    if (this.#isSkipped(this.sent)) this.#skippedSent += 1;
    return this.sent++;
  }

  acknowledge(n) {
    this.#isAcknowledged[n] = 1;
    this.acknowledged += 1;
  }

  arrive(n, at, isGood) {
    if (!(n >= 0 && n < this.sent)) return;
    if (n >= KEYS && !this.#isAnswered[n - KEYS]) this.inversions += 1;
    if (isGood) this.#isAnswered[n] = 1;
    if (this.arrivals < MOST_EVENTS) {
      this.#arrivalAt[this.arrivals] = at;
      this.#arrivalOf[this.arrivals++] = n;
    }
    if (this.#times[n]++ > 0) return;
    this.#first[n] = at;
    this.arrived += 1;
    if (this.#isSkipped(n)) this.#skippedArrived += 1;
  }

  /** Notes a moment: the ends of the measured time, or a kill. */
  mark() {
    this.marks.push(performance.now());
  }

  /** Acknowledged events that count and that no receiver has. */
  missing() {
    let count = 0;
    for (let n = 0; n < this.sent; n += 1)
      if (this.#isAcknowledged[n] && !this.#times[n] && !this.#isSkipped(n)) count += 1;
    return count;
  }

  /**
   * Between the first two marks: latency of the events that were due then, and arrivals per second. `byKeys`: only of keys of
   * which a flaky endpoint refuses no event, whether or not it was flaky.
   */
  measured({ byKeys } = {}) {
    const [from = 0, to = performance.now()] = this.marks;
    const refused = byKeys ? this.#refusedKeys() : new Set();
    const latencies = [];
    let late = 0;
    for (let n = 0; n < this.sent; n += 1) {
      if (this.#due[n] < from || this.#due[n] >= to || this.#isSkipped(n) || refused.has(keyOf(n))) continue;
      if (this.#times[n]) latencies.push(this.#first[n] - this.#due[n]);
      else late += 1;
    }
    latencies.sort((a, b) => a - b);
    const at = (p) => percentile(latencies, p);
    return {
      events: latencies.length,
      neverArrived: late,
      perSecond: this.#firstsBetween(from, to) / ((to - from) / 1000),
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      max: at(1),
      curve: curveOf(latencies, CURVE_POINTS),
    };
  }

  /** With each mark a kill: what was repeated, what of it nobody could have known, and the longest times without arrivals. */
  aroundKills({ knownAfterMs, dyingMs }) {
    const isOpen = (at) => this.marks.some((kill) => at > kill - knownAfterMs && at < kill + dyingMs);
    let repeated = 0;
    let repeatedBeyond = 0;
    for (let n = 0; n < this.sent; n += 1) {
      if (this.#times[n] < 2) continue;
      repeated += this.#times[n] - 1;
      if (!isOpen(this.#first[n])) repeatedBeyond += 1;
    }
    let allowed = 0;
    for (let index = 0; index < this.arrivals; index += 1) if (isOpen(this.#arrivalAt[index])) allowed += 1;
    return { repeated, allowed, repeatedBeyond, ...this.#silences() };
  }

  /** The longest time without any arrival, and the longest without one at some endpoint. */
  #silences() {
    let lastAt = this.#arrivalAt[0];
    let longestStallMs = 0;
    let longestStallOfOneMs = 0;
    const lastOf = new Map();
    for (let index = 0; index < this.arrivals; index += 1) {
      const at = this.#arrivalAt[index];
      const endpoint = endpointOf(this.#arrivalOf[index], this.spread);
      longestStallMs = Math.max(longestStallMs, at - lastAt);
      longestStallOfOneMs = Math.max(longestStallOfOneMs, at - (lastOf.get(endpoint) ?? at));
      lastAt = at;
      lastOf.set(endpoint, at);
    }
    return { longestStallMs, longestStallOfOneMs };
  }

  #isSkipped(n) {
    return this.#skipped[endpointOf(n, this.spread)];
  }

  #refusedKeys() {
    const keys = new Set();
    for (let n = 0; n < this.sent; n += 1) if (failsFirst(n)) keys.add(keyOf(n));
    return keys;
  }

  #firstsBetween(from, to) {
    let count = 0;
    for (let n = 0; n < this.sent; n += 1)
      if (this.#times[n] && this.#first[n] >= from && this.#first[n] < to && !this.#isSkipped(n)) count += 1;
    return count;
  }
}
