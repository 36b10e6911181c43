// The second `npm start`, from the command to ready.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { root } from '../setup/project.mjs';
import { newDataDir } from './servers.mjs';

const READY = /Switchhook is ready at (\S+)/;
const READY_WITHIN_MS = 120_000;

/** Starts twice on the same folder, stopping in between. Answers with the milliseconds until each was ready. */
export async function measureRestart() {
  const dataDir = newDataDir();
  try {
    const firstMs = await startAndStop(dataDir);
    return { firstMs, secondMs: await startAndStop(dataDir) };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function startAndStop(dataDir) {
  const startedAt = performance.now();
  const npm = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, PORT: '0', SWITCHHOOK_DATA: dataDir, SWITCHHOOK_SAMPLE: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, to be stopped as a terminal would.
    detached: true,
  });
  const exited = once(npm, 'exit');
  try {
    const url = await readyUrl(npm);
    const { status } = await fetch(`${url}/health/ready`);
    if (status !== 200) throw new Error(`/health/ready answers ${status} after the line that says that it is ready`);
    return performance.now() - startedAt;
  } finally {
    if (npm.exitCode === null && npm.signalCode === null) process.kill(-npm.pid, 'SIGINT');
    await exited;
  }
}

function readyUrl(npm) {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(
      () => reject(new Error(`Not ready within ${READY_WITHIN_MS} ms:\n${said}`)),
      READY_WITHIN_MS,
    );
    const settle = (finish) => {
      clearTimeout(timer);
      finish();
    };
    npm.once('exit', (code) => settle(() => reject(new Error(`npm start ended with ${code}:\n${said}`))));
    for (const stream of [npm.stdout, npm.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
        const url = READY.exec(said)?.[1];
        if (url) settle(() => resolve(url));
      });
  });
}
