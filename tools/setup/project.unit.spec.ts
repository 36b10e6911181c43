import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serviceOptions } from './project.mjs';

/** Threads of V8's pool in a Node process that is started with these options, as Linux names them. */
function workersWith(options: readonly string[]): number {
  const names = `const fs = require('node:fs'), all = '/proc/self/task';
    console.log(fs.readdirSync(all).map((id) => fs.readFileSync(\`\${all}/\${id}/comm\`, 'utf8')).join(''))`;
  const output = execFileSync(process.execPath, [...options, '--eval', names], { encoding: 'utf8' });
  return output.split('\n').filter((name) => name === 'V8Worker').length;
}

describe('a service', () => {
  it.runIf(process.platform === 'linux')('has no more threads of V8’s pool than there are cores beside its own', () => {
    expect(workersWith(serviceOptions)).toBe(Math.max(1, availableParallelism() - 1));
    expect(workersWith(['--v8-pool-size=3'])).toBe(3);
  });

  it('is started so by npm start', () => {
    const start = readFileSync(join(import.meta.dirname, '../start.mjs'), 'utf8');
    expect(start).toContain('spawn(node24, [...serviceOptions, main,');
  });
});
