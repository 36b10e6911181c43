// One run: a subject on fresh data, a warm-up, the measured time, and a wait for what is still under way.
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../setup/project.mjs';
import { startProduct } from './product.mjs';
import { startSubject } from './subjects.mjs';
import { cpuPerDelivery, usageOf } from './usage.mjs';

const DRAIN_MS = 30_000;
const BEFORE_KILL_MS = 100;
/** Long enough that everything that a killed process had sent is counted as its, and shorter than its restart. */
const DYING_MS = 500;
const RESTART_AFTER_MS = 1_000;
const SETTLE_AFTER_RESTART_MS = 1_000;

/**
 * Measures `wish.subject` (product or floor). `pace` is `{ perSecond }` or `{ backlog, unacknowledged }`; `hang` names an
 * endpoint that answers only after some seconds and does not count. Answers with latencies, deliveries per second, CPU, memory.
 */
export async function measure({ traffic, subject: name, engine, by, pace, warmMs, measureMs, hang }) {
  const subject = await startSubject(name, engine, traffic.endpoints);
  try {
    if (hang) await traffic.ask('hang', hang);
    await traffic.ask('begin', { target: subject.target(by), pace });
    await sleep(warmMs);
    const before = usageOf(subject.roots());
    await traffic.ask('mark');
    await sleep(measureMs);
    await traffic.ask('mark');
    const after = usageOf(subject.roots());
    if (hang) await traffic.ask('hang', { ...hang, afterMs: 0 });
    const result = await traffic.ask('end', { drainMs: DRAIN_MS, skip: hang?.endpoint });
    const usage = cpuPerDelivery(before, after, result.perSecond * (measureMs / 1000));
    const failures = traffic.failures.splice(0);
    const run = { subject: name, engine, ...result, ...usage, failures };
    say(`  ${sentence(run)}`);
    return run;
  } finally {
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
    return { engine, rounds, ...result, restartsMs, failures: traffic.failures.splice(0) };
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
    ...(faults > 0
      ? [
          `FAULTS: ${JSON.stringify({ lost: run.lost, late: run.neverArrived, refused: run.refusals, failures: run.failures.slice(0, 3) })}`,
        ]
      : []),
  ].join('; ');
}
