import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Archive } from './archive.mjs';
import { Chaos } from './faults.mjs';
import { Load } from './load.mjs';
import { pointsOn } from './points.mjs';
import { makeProduct } from './product.mjs';
import { Random } from './random.mjs';
import { Receivers } from './receivers.mjs';
import { reconcile } from './reconcile.mjs';
import { reportOf } from './report.mjs';
import { sharedKafka, startKafka, startPostgres } from './servers.mjs';
import { World, answersOf } from './world.mjs';

const BETWEEN_MS = [100, 900];
const WARM_MS = 1_000;
/** Deliveries of the first events may be older than the round by what two clocks differ. */
const MARGIN_MS = 5;

/** A whole run. Resolves with `{ faults, text }`; rejects when the product does not come up again. */
export async function runChaos(options) {
  const { seed, engine, separate, brokers, logDir = mkdtempSync(join(tmpdir(), 'switchhook-chaos-logs-')) } = options;
  const startedAt = Date.now();
  const log = [];
  const say = (words) => {
    const line = `${((Date.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s  ${words}`;
    log.push(line);
    options.say(line);
  };
  say(`seed ${seed}, engine ${engine}, ${separate ? 'one process per service' : 'one process'}; logs in ${logDir}`);
  const random = new Random(seed);
  const closing = [];
  const opened = (thing, close = () => thing.close()) => {
    closing.push(async () => close());
    return thing;
  };
  try {
    const postgres = await startPostgres();
    opened(postgres, () => postgres.stop());
    const kafka = engine === 'kafka' ? await (brokers ? sharedKafka(brokers) : startKafka()) : undefined;
    opened(kafka, () => kafka?.stop());
    const product = await makeProduct({ engine, separate, postgres, kafka, logDir });
    opened(product, () => product.stop());
    const receivers = opened(new Receivers(random.fork()));
    await receivers.listen();
    const world = new World({ product, receivers, random: random.fork() });
    const chaos = new Chaos({ ...options, say, product, postgres, kafka, receivers, random: random.fork() });
    await firstStart(product, chaos, options);
    await world.create();
    say('ready');
    const archive = opened(new Archive(postgres.directUrl));
    const load = opened(new Load({ ...options, product, kafka, world, random: random.fork() }));
    const answers = (account, sinceMs) => answersOf(product, account, sinceMs);
    const run = { product, load, world, receivers, archive, answers, say, ended: new Set() };
    const totals = await rounds(run, chaos, options, say);
    return reportOf({ options, chaos, totals, log, startedAt, logDir });
  } finally {
    for (const close of closing.reverse()) await close().catch((error) => say(`closing: ${error.message}`));
  }
}

/** On empty servers: the points that are passed only then come first. */
async function firstStart(product, chaos, { engine, draw }) {
  const isWanted = ({ when, name }) => draw === undefined && (when === 'first start' || name === 'store.to-migrate');
  for (const point of pointsOn(engine).filter(isWanted)) {
    const process = product.processes[0];
    process.start(`${point.name}:1`);
    if (await process.isKilledWithin(30_000)) chaos.firedAtStart(point, process);
    else await process.kill9();
  }
  for (const process of product.processes) process.start();
  await Promise.all(product.processes.map((process) => process.untilReady()));
}

/** Rounds of load and strikes, each reconciled at its end. */
async function rounds(run, chaos, { kills, minutes, killsPerRound, draw }, say) {
  const endAt = Date.now() + minutes * 60_000;
  const totals = { rounds: 0, events: 0, deliveries: 0, outcomes: 0, repeats: 0, faults: [] };
  // With `draw`: so many points, one after the other, and nothing else. What is not reached is made up for by another.
  const drawn = draw === undefined ? undefined : chaos.random.shuffled(chaos.points.filter(isQuick));
  let left = draw;
  const isOver = () => (drawn ? left === 0 || drawn.length === 0 : chaos.kills >= kills || Date.now() > endAt);
  const strike = async () => {
    if (drawn) left -= (await chaos.point(drawn.shift())) ? 1 : 0;
    else await chaos.strike();
  };
  while (!isOver() && totals.faults.length === 0) {
    try {
      const { faults, counts } = await round(run, chaos, { strike, isOver, killsPerRound });
      totals.rounds += 1;
      for (const [name, count] of Object.entries(counts)) totals[name] += count;
      totals.faults.push(...faults);
      say(`round ${totals.rounds}: ${JSON.stringify(counts)}, ${chaos.kills} kills so far, ${faults.length} faults`);
    } catch (error) {
      totals.faults.push(`the round could not be ended: ${error.message}`);
    }
  }
  for (const fault of totals.faults) say(fault);
  return totals;
}

async function round(run, chaos, { strike, isOver, killsPerRound }) {
  const sinceMs = Date.now() - MARGIN_MS;
  const before = chaos.kills;
  run.load.begin();
  run.world.operate();
  await sleep(WARM_MS);
  while (!isOver() && chaos.kills - before < killsPerRound) {
    await strike();
    await sleep(chaos.random.between(...BETWEEN_MS));
  }
  await chaos.rest();
  await run.world.rest();
  await run.load.end();
  const found = await reconcile(run, sinceMs);
  run.load.forget();
  run.receivers.forget();
  return found;
}

const isQuick = ({ when }) => when === undefined || when === 'start' || when === 'stop';
