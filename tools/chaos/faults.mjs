// What a run does to the product. Each resolves when everything runs again, with the number of processes that it killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { pointsOn } from './points.mjs';

/** How often each happens. `point`: kill -9 at a named point; `process`: at any time; `several`: of two or more at once;
 * `loop`: again and again while it starts. */
export const SHARES = { point: 50, process: 7, several: 15, loop: 12, members: 6, broker: 2, postgres: 3, stall: 5 };
const PATIENCE_MS = { start: 20_000, stop: 20_000, members: 20_000, outage: 12_000, seldom: 20_000, rarely: 30_000 };
const USUAL_PATIENCE_MS = 12_000;
const NTH_MAX = { seldom: 2, usual: 8, other: 1 };
const DOWN_MAX_MS = 1_200;
/** Partitions may still be taken over when the start is over. */
const AFTER_START_MS = 3_000;
const LOOP = { times: [2, 5], upMs: [200, 3_500] };
const STALL_MS = [500, 9_000];
const OUTAGE_MS = 3_000;

export class Chaos {
  /** Point → how often a process was killed there; and how often it was not reached in time. */
  fired = new Map();
  missed = new Map();
  killed = { point: 0, process: 0, broker: 0, postgres: 0 };
  stalls = 0;
  joins = 0;

  constructor({ product, postgres, kafka, receivers, random, engine, only, strikes, say }) {
    Object.assign(this, { product, postgres, kafka, receivers, random, say });
    const known = pointsOn(engine).filter(({ when }) => when !== 'first start');
    const isPossible = ({ when }) => when !== 'members' || product.extras.length > 0;
    this.points = known.filter(isPossible).filter(({ name }) => !only || only.includes(name));
    const isThere = {
      several: product.processes.length > 1,
      members: product.extras.length > 0,
      broker: kafka?.canBeKilled ?? false,
    };
    const isWanted = ([kind]) => (isThere[kind] ?? true) && (!strikes || strikes.includes(kind));
    this.shares = Object.fromEntries(Object.entries(SHARES).filter(isWanted));
  }

  get kills() {
    return Object.values(this.killed).reduce((sum, count) => sum + count, 0);
  }

  /** One thing that happens, drawn from the seed. `kind`: this one. */
  async strike(kind = this.random.weighted(this.shares)) {
    await (kind === 'postgres' ? this.killPostgres() : this[kind]());
  }

  /** A point that was hit less often than others comes first. Resolves with whether it was reached. */
  async point(point = this.#leastFired()) {
    const process = this.#processOf(point);
    const nth = this.random.between(1, NTH_MAX[point.when ?? 'usual'] ?? NTH_MAX.other);
    const undo = await this.#provoke(point, process, nth);
    const isReady = point.when === 'start' ? afterStart(process) : undefined;
    const isHit = await process.isKilledWithin(PATIENCE_MS[point.when] ?? USUAL_PATIENCE_MS, isReady);
    undo?.();
    this.say(`${isHit ? 'killed' : 'NOT REACHED'} ${process.name} at ${point.name}, passage ${nth}`);
    const counts = isHit ? this.fired : this.missed;
    counts.set(point.name, (counts.get(point.name) ?? 0) + 1);
    if (isHit) this.killed.point += 1;
    else process.arm(null);
    await this.#restart(process);
    return isHit;
  }

  /** Of a start on empty servers. */
  firedAtStart(point, process) {
    this.say(`killed ${process.name} at ${point.name}, on empty servers`);
    this.fired.set(point.name, 1);
    this.killed.point += 1;
  }

  async process() {
    const process = this.random.pick(this.product.processes);
    this.say(`killed ${process.name}`);
    await process.kill9();
    this.killed.process += 1;
    await this.#restart(process);
  }

  /** Two or more in the same moment: what each was about to hand to the next meets a start, not a service. */
  async several() {
    const count = this.random.between(2, this.product.processes.length);
    const struck = this.random.shuffled(this.product.processes).slice(0, count);
    this.say(`killed ${struck.map(({ name }) => name).join(', ')} at once`);
    await Promise.all(struck.map((process) => process.kill9()));
    this.killed.process += count;
    await Promise.all(struck.map((process) => this.#restart(process)));
  }

  /** A process that is killed again before, or soon after, it is ready: each start finds what the one before left half done. */
  async loop() {
    const process = this.random.pick(this.product.processes);
    const times = this.random.between(...LOOP.times);
    this.say(`killed ${process.name} ${times} times in a row`);
    for (let time = 0; time < times; time += 1) {
      if (time > 0) {
        process.start();
        await sleep(this.random.between(...LOOP.upMs));
      }
      await process.kill9();
      this.killed.process += 1;
    }
    await this.#restart(process);
  }

  async broker() {
    this.say('killed the broker');
    await this.kafka.kill9();
    this.killed.broker += 1;
  }

  async killPostgres() {
    this.say('killed PostgreSQL');
    this.postgres.kill9();
    this.killed.postgres += 1;
    await sleep(this.random.between(500, 2_000));
  }

  async stall() {
    const proxies = { PostgreSQL: this.postgres.proxy, Kafka: this.kafka?.proxy, receivers: this.receivers.proxy };
    const [name, proxy] = this.random.pick(Object.entries(proxies).filter(([, one]) => one));
    const ms = this.random.between(...STALL_MS);
    // To receivers: a call of a dead process must not come out of the network seconds later.
    const cut = name === 'receivers' || this.random.isLucky(0.5);
    this.say(`${name} is away for ${ms} ms${cut ? ', then all connections are cut' : ''}`);
    proxy.stall();
    // Half of the time something dies meanwhile.
    if (this.random.isLucky(0.5)) {
      await sleep(ms / 2);
      const process = this.random.pick(this.product.processes);
      this.say(`killed ${process.name} meanwhile`);
      await process.kill9();
      this.killed.process += 1;
      await sleep(ms / 2);
      proxy.go({ cut });
      await this.#restart(process);
    } else {
      await sleep(ms);
      proxy.go({ cut });
    }
    this.stalls += 1;
  }

  /** One more member of the group that delivers comes, or goes: in order, or killed. */
  async members() {
    const extra = this.random.pick(this.product.extras);
    this.joins += 1;
    if (!extra.isRunning) {
      this.say(`${extra.name} joins`);
      extra.start();
      return extra.untilReady();
    }
    const isKilled = this.random.isLucky(0.5);
    this.say(`${extra.name} ${isKilled ? 'is killed' : 'leaves'}`);
    if (!isKilled) return void (await extra.terminate());
    this.killed.process += 1;
    return void (await extra.kill9());
  }

  /** Everybody runs, nobody is armed, nothing is stalled. */
  async rest() {
    this.receivers.isOutage = false;
    for (const proxy of [this.postgres.proxy, this.kafka?.proxy, this.receivers.proxy]) proxy?.go({ cut: false });
    for (const process of this.product.processes) if (process.isRunning) process.arm(null);
    await Promise.all(this.product.processes.map((process) => process.isRunning || this.#restart(process)));
    await Promise.all(this.product.processes.map((process) => process.untilReady()));
  }

  #leastFired() {
    const tries = ({ name }) => (this.fired.get(name) ?? 0) + 2 * (this.missed.get(name) ?? 0);
    const least = Math.min(...this.points.map(tries));
    return this.random.pick(this.points.filter((point) => tries(point) <= least + 1));
  }

  #processOf({ service }) {
    return service === 'any' ? this.random.pick(this.product.processes) : this.product.of(service);
  }

  /** Sees to it that the process comes by the point. Answers with what puts things right again. */
  async #provoke(point, process, nth) {
    if (point.when === 'start') {
      await process.kill9();
      this.killed.process += 1;
      process.start(`${point.name}:${nth}`);
      return undefined;
    }
    process.arm(point.name, nth);
    if (point.when === 'stop') void process.terminate();
    if (point.when === 'members') await this.members();
    if (point.when !== 'outage') return undefined;
    this.receivers.isOutage = true;
    const timer = setTimeout(() => (this.receivers.isOutage = false), OUTAGE_MS);
    return () => {
      clearTimeout(timer);
      this.receivers.isOutage = false;
    };
  }

  async #restart(process) {
    if (process.isRunning) return process.untilReady();
    await sleep(this.random.between(0, DOWN_MAX_MS));
    process.start();
    return process.untilReady();
  }
}

/** Resolves when the start is over for certain; never when it fails. */
const afterStart = (process) =>
  process
    .untilReady()
    .then(() => sleep(AFTER_START_MS))
    .catch(() => new Promise(() => {}));
