// What became of each event: when it was due, acknowledged, and arrived how often. Times are this process's performance.now().
import { endpointOf } from './events.mjs';
import { curveOf, percentile } from '../stats.mjs';

const MOST_EVENTS = 2 ** 22;
const CURVE_POINTS = 400;

export class Ledger {
  sent = 0;
  acknowledged = 0;
  arrived = 0;
  refusals = 0;
  /** Every arrival, repetitions too. */
  arrivals = 0;
  marks = [];
  #due = new Float64Array(MOST_EVENTS);
  #first = new Float64Array(MOST_EVENTS);
  #isAcknowledged = new Uint8Array(MOST_EVENTS);
  #times = new Uint16Array(MOST_EVENTS);
  #arrivalAt = new Float64Array(MOST_EVENTS);

  begin(dueAt) {
    if (this.sent === MOST_EVENTS) throw new Error(`More than ${MOST_EVENTS} events in one run`);
    this.#due[this.sent] = dueAt;
    return this.sent++;
  }

  acknowledge(n) {
    this.#isAcknowledged[n] = 1;
    this.acknowledged += 1;
  }

  arrive(n, at) {
    if (!(n >= 0 && n < this.sent)) return;
    if (this.arrivals < MOST_EVENTS) this.#arrivalAt[this.arrivals++] = at;
    if (this.#times[n]++ > 0) return;
    this.#first[n] = at;
    this.arrived += 1;
  }

  /** Notes a moment: the ends of the measured time, or a kill. */
  mark() {
    this.marks.push(performance.now());
  }

  /** Acknowledged events that no receiver has, except those of `skip` (an endpoint). */
  missing(skip) {
    let count = 0;
    for (let n = 0; n < this.sent; n += 1)
      if (this.#isAcknowledged[n] && !this.#times[n] && endpointOf(n) !== skip) count += 1;
    return count;
  }

  /** Between the first two marks: latency of the events that were due then, and arrivals per second. */
  measured(skip) {
    const [from = 0, to = performance.now()] = this.marks;
    const latencies = [];
    let late = 0;
    for (let n = 0; n < this.sent; n += 1) {
      if (this.#due[n] < from || this.#due[n] >= to || endpointOf(n) === skip) continue;
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

  /** With each mark a kill: what was repeated, what of it nobody could have known, and the longest time without arrivals. */
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
    let longestStallMs = 0;
    for (let index = 0; index < this.arrivals; index += 1) {
      if (isOpen(this.#arrivalAt[index])) allowed += 1;
      if (index > 0) longestStallMs = Math.max(longestStallMs, this.#arrivalAt[index] - this.#arrivalAt[index - 1]);
    }
    return { repeated, allowed, repeatedBeyond, longestStallMs };
  }

  #firstsBetween(from, to) {
    let count = 0;
    for (let n = 0; n < this.sent; n += 1)
      if (this.#times[n] && this.#first[n] >= from && this.#first[n] < to) count += 1;
    return count;
  }
}
