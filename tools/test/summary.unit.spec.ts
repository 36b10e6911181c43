import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readReport, sum, summaryLine } from './summary.mjs';

const folder = mkdtempSync(join(tmpdir(), 'switchhook-summary-'));
afterAll(() => rmSync(folder, { recursive: true }));

const test = (status: string, failureMessages: string[] = []) => ({
  status,
  fullName: `a ${status} test`,
  failureMessages,
});
const file = (assertionResults: unknown[], status = 'passed', message = '') => ({
  name: 'x.unit.spec.ts',
  status,
  message,
  assertionResults,
});
function report(...testResults: unknown[]): string {
  const path = join(folder, 'report.json');
  writeFileSync(path, JSON.stringify({ testResults }));
  return path;
}

describe('the sum of a test run', () => {
  it('counts tests, and names each that failed with its message in full', () => {
    const path = report(file([test('passed'), test('failed', ['expected 1 to be 2']), test('skipped')], 'failed'));
    expect(readReport(path, 1)).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(readReport(path, 1).failures[0]).toContain('expected 1 to be 2');
  });

  it('counts a spec file that could not be loaded as a failure', () => {
    expect(readReport(report(file([], 'failed', 'Cannot find module')), 1)).toMatchObject({ failed: 1 });
  });

  it('counts a run that ended badly without a failed test, or without a report, as a failure', () => {
    expect(readReport(report(file([test('passed')])), 1)).toMatchObject({ passed: 1, failed: 1 });
    expect(readReport(join(folder, 'missing.json'), 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('ends in one bare line that names skips only where there are any', () => {
    expect(
      summaryLine(
        sum([
          { passed: 2, failed: 0, skipped: 0 },
          { passed: 3, failed: 1, skipped: 0 },
        ]),
      ),
    ).toBe('5 passed, 1 failed');
    expect(summaryLine({ passed: 5, failed: 0, skipped: 2 })).toBe('5 passed, 0 failed, 2 skipped');
  });
});
