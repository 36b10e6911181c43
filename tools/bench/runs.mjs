// One run: a subject on fresh data, a warm-up, the measured time, and a wait for what is still under way.
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../setup/project.mjs';
import { archivedSoFar, outcomesBeyondOne } from './archive.mjs';
import { inPairs } from './pairs.mjs';
import { startProduct } from './product.mjs';
import { startSubject } from './subjects.mjs';
import { cpuPerDelivery, usageOf } from './usage.mjs';

const DRAIN_MS = 30_000;
const BROKER_WARM_MS = 30_000;
const BEFORE_KILL_MS = 100;
/** Long enough that everything that a killed process had sent is counted as its, and shorter than its restart. */
const DYING_MS = 500;
const RESTART_AFTER_MS = 1_000;
const SETTLE_AFTER_RESTART_MS = 1_000;
/** As much as there can be under way: by Kafka, and by HTTP, where the sender waits for answers. */
export const FULL_KAFKA = { backlog: 4_000, unacknowledged: 4_000 };
export const FULL_HTTP = { backlog: 1_000, unacknowledged: 128 };

/** Pairs product / floor. */
export async function againstFloor(context, wish) {
  if (wish.engine === 'kafka') await warmBroker(context);
  return inPairs(context, ['product', 'floor'], (subject) => measure({ ...context, ...wish, subject }));
}

let brokerIsWarm = false;

/** A broker compiles itself while it works, for minutes, which costs as much as its work: whoever came first would pay for it. */
async function warmBroker(context) {
  if (brokerIsWarm) return;
  brokerIsWarm = true;
  say(' warming the broker, not counted');
  const wish = { engine: 'kafka', by: 'kafka', pace: FULL_KAFKA, warmMs: 0, measureMs: BROKER_WARM_MS };
  for (const subject of ['product', 'floor']) await measure({ ...context, ...wish, subject });
}

/**
 * Measures `subject` (product or floor). `pace` is `{ perSecond }` or `{ backlog, unacknowledged }`. Options of the product are
 * `product` (see `startProduct`), those of the load `load`: `spread` (how many endpoints have events), `skip` (which of them do
 * not count), `byKeys`. With the measured time begin `trouble` (`{ endpoints, behaviour, afterMs }`) and `burst`
 * (`{ count, endpoint }`); `before(subject)` is done before anything is sent. Answers with latencies, deliveries per second, CPU, memory.
 */
export async function measure(wish) {
  const { traffic, subject: name, engine, by, pace, warmMs, measureMs, product = {}, load = {}, trouble, burst } = wish;
  const subject = await startSubject(name, { engine, endpoints: traffic.endpoints, ...product });
  try {
    await wish.before?.(subject);
    const target = subject.target(by);
    await traffic.ask('begin', { target, pace, ...load });
    if (burst) await traffic.ask('prepareBurst', { target, ...burst });
    await sleep(warmMs);
    const archivedBefore = await archivedSoFar(subject.databaseUrl());
    const before = usageOf(subject.roots());
    await traffic.ask('mark');
    if (trouble) await traffic.ask('behave', trouble);
    if (burst) await traffic.ask('beginBurst', { target });
    await sleep(measureMs);
    await traffic.ask('mark');
    const after = usageOf(subject.roots());
    const archived = (await archivedSoFar(subject.databaseUrl())) - archivedBefore;
    const burstSoFar = burst && (await traffic.ask('burst'));
    if (trouble) await traffic.ask('behave', { ...trouble, behaviour: 'good' });
    const result = await traffic.ask('end', { drainMs: DRAIN_MS, byKeys: load.byKeys });
    const deliveries = result.perSecond * (measureMs / 1000);
    const usage = { ...cpuPerDelivery(before, after, deliveries), archivedPerDelivery: archived / deliveries };
    const failures = traffic.failures.splice(0);
    const run = { subject: name, engine, ...result, ...usage, failures, ...(burst && { burst: burstSoFar }) };
    say(`  ${sentence(run)}`);
    return run;
  } finally {
    if (trouble) await traffic.ask('behave', { ...trouble, behaviour: 'good' });
    await subject.stop();
  }
}

/** Kills the product `rounds` times under load and starts it again. Answers with what was lost and repeated, and stalls. */
export async function measureKills({ traffic, engine, rounds, pace, betweenMs }) {
  const product = await startProduct({ engine, endpoints: traffic.endpoints });
  const restartsMs = [];
  try {
    await traffic.ask('begin', { target: product.target('http'), pace });
    for (let round = 0; round < rounds; round += 1) {
      await sleep(betweenMs);
      await traffic.ask('mark');
      await product.kill9();
      await sleep(RESTART_AFTER_MS);
      restartsMs.push(await product.start());
      say(`  ${engine}: kill ${round + 1} of ${rounds}, ready again after ${Math.round(restartsMs.at(-1))} ms`);
    }
    await sleep(SETTLE_AFTER_RESTART_MS + betweenMs);
    const kills = { knownAfterMs: BEFORE_KILL_MS, dyingMs: DYING_MS };
    const { curve: _curve, ...result } = await traffic.ask('end', { drainMs: DRAIN_MS, kills });
    const { archived, beyond } = await outcomesBeyondOne(product.databaseUrl(), result.acknowledged);
    const failures = traffic.failures.splice(0);
    return { engine, rounds, ...result, archived, repeatedKnown: beyond, restartsMs, failures };
  } finally {
    await product.stop();
  }
}

const ms = (value) => value.toFixed(value < 10 ? 2 : 0);

function sentence(run) {
  const cpu = Object.entries(run.cpuMs ?? {}).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  const memory = Object.entries(run.rssMb ?? {}).map(([name, value]) => `${name} ${Math.round(value)}`);
  const faults = run.lost + run.neverArrived + run.refusals + run.failures.length;
  return [
    `${run.engine} ${run.subject}: ${Math.round(run.perSecond)}/s`,
    `p50 ${ms(run.p50)} p95 ${ms(run.p95)} p99 ${ms(run.p99)} max ${ms(run.max)} ms`,
    `CPU ms per delivery: ${cpu.join(', ')}`,
    `MB: ${memory.join(', ')}`,
    `archived per delivery: ${run.archivedPerDelivery.toFixed(2)}`,
    ...(run.burst ? [`burst: ${JSON.stringify(run.burst)}`] : []),
    ...(faults > 0
      ? [
          `FAULTS: ${JSON.stringify({ lost: run.lost, late: run.neverArrived, refused: run.refusals, failures: run.failures.slice(0, 3) })}`,
        ]
      : []),
  ].join('; ');
}
