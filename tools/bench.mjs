// npm run bench: the product against its floor, and what it does when it is killed. See tools/bench/README.md.
import { parseArgs } from 'node:util';
import { environment, save, table } from './bench/report.mjs';
import { ROWS } from './bench/rows.mjs';
import { stopSharedBroker } from './bench/servers.mjs';
import { startTraffic } from './bench/traffic.mjs';
import { ensureBuilt } from './setup/build.mjs';
import { say } from './setup/project.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '30' },
    warm: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '20' },
    waiting: { type: 'string', default: '200000' },
    webhooks: { type: 'string', default: '10000' },
    burst: { type: 'string', default: '100000' },
  },
});
const unknown = positionals.filter((name) => !Object.hasOwn(ROWS, name));
if (unknown.length > 0) {
  say(`There is no row ${unknown.join(', ')}. The rows are ${Object.keys(ROWS).join(', ')}`);
  process.exit(2);
}
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

await ensureBuilt();
const traffic = await startTraffic();
const context = {
  traffic,
  pairs: Number(values.pairs),
  rounds: Number(values.rounds),
  measureMs: Number(values.seconds) * 1000,
  warmMs: Number(values.warm) * 1000,
  killEveryMs: 3_000,
  waiting: Number(values.waiting),
  webhooks: Number(values.webhooks),
  burstEvents: Number(values.burst),
};
const report = { startedAt: new Date().toISOString(), environment: environment(), settings: values, rows: [] };
for (const name of positionals.length > 0 ? positionals : Object.keys(ROWS)) {
  say(`\n${name}: ${ROWS[name].says}`);
  report.rows.push(await row(name));
}
await traffic.stop();
await stopSharedBroker();

const plotted = report.rows.filter(({ name, result }) => result && ROWS[name].plots);
const paths = save(report, plotted);
console.log(`\n${JSON.stringify(report.environment)}\n\n${table(report.rows)}\n\n${paths.join('\n')}`);
process.exit(0);

/** A row that fails is told in the table; the others are measured all the same. */
async function row(name) {
  try {
    const result = await ROWS[name].run(context);
    return { name, says: ROWS[name].says, lines: ROWS[name].lines(result), result };
  } catch (error) {
    say(error.stack);
    return { name, says: ROWS[name].says, error: error.stack, lines: [] };
  }
}
