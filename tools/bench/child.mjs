import { fork } from 'node:child_process';
import { once } from 'node:events';

const STOP_WITHIN_MS = 10_000;

/**
 * Forks a module and resolves with `{ child, first, stop() }` when it has sent its first message. It ends with us: it watches
 * the channel. Rejects with what it said when it ends before. `execArgv`: options of Node.
 */
export async function forkChild(path, env = {}, execArgv = []) {
  const child = fork(path, { execArgv, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-4_000);
    process.stderr.write(chunk);
  });
  const ended = new Promise((_, reject) =>
    child.once('exit', (code) => reject(new Error(`${path} ended with ${code}:\n${said}`))),
  );
  ended.catch(() => undefined);
  const [first] = await Promise.race([once(child, 'message'), ended]);
  return { child, first, ended, stop: () => stopChild(child) };
}

async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
