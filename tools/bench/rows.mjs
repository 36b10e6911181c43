// What `npm run bench` measures: one entry per row of the table of bars, by the name that selects it.
import { say } from '../setup/project.mjs';
import { measureRestart } from './restart.mjs';
import { measure, measureKills } from './runs.mjs';
import { median } from './stats.mjs';

const STEADY = { perSecond: 200 };
const KILLED_AT = { perSecond: 400 };
const HANG = { endpoint: 0, afterMs: 10_000 };
const FULL_KAFKA = { backlog: 4_000, unacknowledged: 4_000 };
const FULL_HTTP = { backlog: 1_000, unacknowledged: 128 };
const READY_BAR_MS = 8_000;

const latency = (engine, bar) => ({
  says: `${engine}, 200 events/s`,
  run: (context) => againstFloor(context, { engine, by: engine === 'kafka' ? 'kafka' : 'http', pace: STEADY }),
  lines: ({ pairs }) =>
    ['p50', 'p99'].map((name) => comparison(`${name} (ms)`, pairs, (run) => run[name], { most: bar })),
  plots: true,
});

const throughput = (engine, bar, pace) => ({
  says: `${engine}, most deliveries per second`,
  run: (context) => againstFloor(context, { engine, by: engine === 'kafka' ? 'kafka' : 'http', pace }),
  lines: ({ pairs }) => [
    comparison('per second', pairs, (run) => run.perSecond, { least: bar }),
    comparison('CPU per delivery (ms)', pairs, cpuOf, {}),
  ],
});

const kills = (engine) => ({
  says: `${engine}, kill -9 at 400/s, again after 1 s`,
  run: ({ traffic, rounds, killEveryMs }) =>
    measureKills({ traffic, engine, rounds, pace: KILLED_AT, betweenMs: killEveryMs }),
  lines: (result) => [
    line('acknowledged', result.acknowledged),
    line('lost', result.lost, 0),
    line('repeated (bar: calls open or answered within 100 ms)', result.repeated, result.allowed),
    line('repeated outside of those', result.repeatedBeyond, 0),
    line('longest stall (ms)', result.longestStallMs),
    line('ready again, slowest (ms)', Math.max(...result.restartsMs)),
  ],
});

export const ROWS = {
  'embedded-latency': latency('embedded', 1.25),
  'kafka-latency': latency('kafka', 1.5),
  'kafka-throughput': throughput('kafka', 0.8, FULL_KAFKA),
  'embedded-throughput': throughput('embedded', 0.6, FULL_HTTP),
  'embedded-kill': kills('embedded'),
  'kafka-kill': kills('kafka'),
  hang: {
    says: 'embedded, 200/s, 1 of 20 endpoints hangs 10 s (others only)',
    run: hanging,
    lines: ({ pairs }) => [comparison('p99 (ms), with / without', pairs, (run) => run.p99, { most: 1.25 })],
  },
  restart: {
    says: 'npm start to ready',
    run: measureRestart,
    lines: ({ firstMs, secondMs }) => [line('first (ms)', firstMs), line('second (ms)', secondMs, READY_BAR_MS)],
  },
};

/** Pairs product / floor, one after the other, in turns: what drifts on the machine reaches both. */
async function againstFloor(context, wish) {
  return inPairs(context, ['product', 'floor'], (subject) => measure({ ...context, ...wish, subject }));
}

async function hanging(context) {
  const wish = { ...context, subject: 'product', engine: 'embedded', by: 'http', pace: STEADY };
  // `skip` of the same endpoint without a hang, so that both count the same 19.
  const without = { ...HANG, afterMs: 0 };
  return inPairs(context, ['with', 'without'], (kind) => measure({ ...wish, hang: kind === 'with' ? HANG : without }));
}

async function inPairs({ pairs: count }, [first, second], run) {
  const pairs = [];
  for (let pair = 0; pair < count; pair += 1) {
    say(` pair ${pair + 1} of ${count}`);
    const results = {};
    for (const kind of pair % 2 === 0 ? [first, second] : [second, first]) results[kind] = await run(kind);
    pairs.push([results[first], results[second]]);
  }
  return { pairs };
}

/** The median of each side, and the median of the pairs' ratios, which is what the bar is about. */
function comparison(what, pairs, valueOf, { most, least }) {
  const [mine, theirs] = [0, 1].map((side) => median(pairs.map((pair) => valueOf(pair[side]))));
  const ratio = median(pairs.map(([one, other]) => valueOf(one) / valueOf(other)));
  const bar = most ? `≤ ${most}` : least ? `≥ ${least}` : '';
  const met = most ? ratio <= most : least ? ratio >= least : null;
  return { what, value: mine, against: theirs, ratio, bar, met };
}

const line = (what, value, most) => ({
  what,
  value,
  bar: most === undefined ? '' : `≤ ${Math.round(most)}`,
  met: most === undefined ? null : value <= most,
});

const cpuOf = (run) => Object.values(run.cpuMs ?? {}).reduce((sum, value) => sum + value, 0);
