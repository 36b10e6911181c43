// npm test: everything there is to check, one part after the other, and one line with the sum at the end.
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
let broker;
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

if (await check('install', ensureInstalled)) {
  // A broker takes some seconds to come up; nobody waits for it before the integration specs.
  broker = startTestBroker(join(scratch, 'kafka'));
  if (filters.length === 0) {
    await check('format', () => program('prettier', ['--check', '.']));
    await check('lint', () => program('eslint', ['.']));
  }
  if (await check('build', ensureBuilt)) {
    await check('build of the tools', () => program('tsc', ['-p', 'tools']));
    for (const part of ['unit', 'int', 'e2e']) await specs(part);
  }
}
await (await broker)?.stop();

const total = sum(results);
for (const { name, failures } of results) for (const failure of failures) say(`\nFAILED in ${name}: ${failure}`);
console.log(summaryLine(total));
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

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
