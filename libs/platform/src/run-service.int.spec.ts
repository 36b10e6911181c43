import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';

const UNREAD = fileURLToPath(new URL('../dist/testing/unread-process.js', import.meta.url));
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const TSC = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));

beforeAll(() => promisify(execFile)(TSC, ['-b', PROJECT]), 60_000);

it('a process whose output nobody reads any more goes on, and stops in order when it is told to', async () => {
  const child = fork(UNREAD, [], { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const exited = once(child, 'exit');
  const said = () => Promise.race([once(child, 'message'), exited.then(() => expect.unreachable('it has ended'))]);
  await said();
  child.stdout?.destroy();
  child.stderr?.destroy();
  for (let times = 0; times < 10; times += 1) await said();
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
