// What `npm run bench` measures: one entry per row of the table of bars, by the name that selects it.
import { againstFloor, FULL_HTTP, FULL_KAFKA, measureKills } from './runs.mjs';
import { deliveryKillRows } from './kill-delivery.mjs';
import { neighbourRows } from './neighbours.mjs';
import { comparison, cpuOf, line } from './pairs.mjs';
import { measureRestart } from './restart.mjs';
import { waitingRows } from './waiting.mjs';

const STEADY = { perSecond: 200 };
const KILLED_AT = { perSecond: 400 };
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
    line('repeated although the log had their outcome', result.repeatedKnown, 0),
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
  ...neighbourRows,
  ...deliveryKillRows,
  ...waitingRows,
  restart: {
    says: 'npm start to ready',
    run: measureRestart,
    lines: ({ firstMs, secondMs }) => [line('first (ms)', firstMs), line('second (ms)', secondMs, READY_BAR_MS)],
  },
};
