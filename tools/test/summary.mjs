// What vitest's JSON reports add up to.
import { existsSync, readFileSync } from 'node:fs';

/**
 * Counts one report: `{ passed, failed, skipped, failures }`. A spec file that could not even be loaded is a failure, and so
 * is a run that ended badly (`exitCode`) without a test to blame, or left no report.
 */
export function readReport(file, exitCode) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, failures: [`no report; exit code ${exitCode}`] };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const tests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((test) => ({ ...test, file: name })),
  );
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some(isFailed),
  );
  const failures = [
    ...tests.filter(isFailed).map((test) => [`${test.file}: ${test.fullName}`, ...test.failureMessages].join('\n')),
    ...broken.map(({ name, message }) => `${name}: ${message}`),
  ];
  if (failures.length === 0 && exitCode !== 0)
    failures.push(`vitest ended with ${exitCode} although no test failed; its output is above`);
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failures.length,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').length,
    failures,
  };
}

/** Adds up. */
export function sum(results) {
  const add = (key) => results.reduce((total, result) => total + result[key], 0);
  return { passed: add('passed'), failed: add('failed'), skipped: add('skipped') };
}

/** The last line of `npm test`, for people and for programs. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function isFailed({ status }) {
  return status === 'failed';
}
