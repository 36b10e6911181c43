// npm test: everything there is to check, and one line with the sum at the end. The integration specs, which mostly wait,
// run beside what mostly computes: one after the other would leave half of a small machine idle.
// `npm test -- libs/domain` runs only the specs whose path contains that. Plain JavaScript for Node 20.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestBroker } from './test/broker.mjs';
import { readReport, sum, summaryLine } from './test/summary.mjs';
import { ensureBuilt } from './setup/build.mjs';
import { ensureInstalled } from './setup/install.mjs';
import { projectEnv, run, say } from './setup/project.mjs';

const PART_TIMEOUT_MS = 20 * 60_000;

const filters = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'switchhook-test-'));
const results = [];
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

// A broker takes some seconds to be had and to come up; it needs nothing of what is installed.
const broker = startTestBroker(join(scratch, 'kafka'));
if (await check('install', ensureInstalled)) {
  const isBuilt = await check('build', ensureBuilt);
  await Promise.all([isBuilt && specs('int'), whatComputes(isBuilt)]);
}
await (await broker).stop();

const total = sum(results);
for (const { name, failures } of results) for (const failure of failures) say(`\nFAILED in ${name}: ${failure}`);
console.log(summaryLine(total));
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

/** The end-to-end specs come last: until then the longest of the integration specs are over. */
async function whatComputes(isBuilt) {
  if (filters.length === 0) {
    await check('format', () => program('prettier', ['--check', '.']));
    await check('lint', () => program('eslint', ['.']));
    await check('types of the tools', () => program('tsc', ['-p', 'tools']));
  }
  if (!isBuilt) return;
  await specs('unit');
  await specs('e2e');
}

/** Runs a check that passes as a whole or not; returns whether it passed. */
async function check(name, action) {
  say(`\n=== ${name}`);
  try {
    await action();
    results.push({ name, passed: 1, failed: 0, skipped: 0, failures: [] });
    return true;
  } catch (error) {
    results.push({ name, passed: 0, failed: 1, skipped: 0, failures: [error.message] });
    return false;
  }
}

async function program(command, args) {
  const { code, output } = await run(command, args, { quiet: true, timeoutMs: PART_TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`);
}

async function specs(part) {
  say(`\n=== ${part} specs`);
  const report = join(scratch, `${part}.json`);
  const env = projectEnv({ FORCE_COLOR: '0', NO_COLOR: '1', ...(part === 'unit' ? {} : (await broker).env) });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = [
    'run',
    '--project',
    part,
    ...reporters,
    ...(filters.length > 0 ? ['--passWithNoTests'] : []),
    ...filters,
  ];
  const { code } = await run('vitest', args, { env, timeoutMs: PART_TIMEOUT_MS });
  results.push({ name: part, ...readReport(report, code) });
}
