// npm run chaos: kills the product, the broker and PostgreSQL, stalls their network, and reconciles producers, archive and
// receivers. See tools/chaos/README.md. The exit code is 1 when anything was lost, repeated without need, or out of order.
import { parseArgs } from 'node:util';
import { runChaos } from './chaos/run.mjs';
import { POINTS, pointsOn } from './chaos/points.mjs';
import { ensureBuilt } from './setup/build.mjs';
import { say } from './setup/project.mjs';

const { values } = parseArgs({
  options: {
    // Printed first, so that whatever it draws can be drawn again.
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    engine: { type: 'string', default: 'kafka' },
    processes: { type: 'string', default: 'separate' },
    kills: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '600' },
    round: { type: 'string', default: '25' },
    rate: { type: 'string', default: '60' },
    points: { type: 'string' },
    strikes: { type: 'string' },
    draw: { type: 'string' },
    brokers: { type: 'string' },
    logs: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
if (values.list) {
  for (const { name, says, engine } of POINTS) console.log(`${name.padEnd(36)} ${(engine ?? '').padEnd(9)} ${says}`);
  process.exit(0);
}
const only = values.points?.split(',');
const unknown = only?.filter((name) => !pointsOn(values.engine).some((point) => point.name === name)) ?? [];
if (unknown.length > 0) fail(`No such point on ${values.engine}: ${unknown.join(', ')} (--list names them)`);
if (values.engine === 'embedded' && values.processes === 'separate') values.processes = 'one';
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

await ensureBuilt();
const report = await runChaos({
  seed: Number(values.seed),
  engine: values.engine,
  separate: values.processes === 'separate',
  kills: Number(values.kills),
  minutes: Number(values.minutes),
  killsPerRound: Number(values.round),
  perSecond: Number(values.rate),
  draw: values.draw === undefined ? undefined : Number(values.draw),
  ...{ only, strikes: values.strikes?.split(','), brokers: values.brokers, logDir: values.logs, say },
});
console.log(report.text);
process.exit(report.faults.length > 0 ? 1 : 0);

function fail(words) {
  say(words);
  process.exit(2);
}
