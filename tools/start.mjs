// npm start: installs and builds what is missing, then runs the product on Node 24. Plain JavaScript for Node 20.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './setup/build.mjs';
import { ensureInstalled } from './setup/install.mjs';
import { node24, projectEnv, root, say, serviceOptions } from './setup/project.mjs';

/** How often we look whether npm is still there. */
const PARENT_POLL_MS = 250;
/** npm and the terminal both tell us about one Ctrl-C; the product would take the second for "at once". */
const SAME_KEYPRESS_MS = 1_000;

try {
  await ensureInstalled();
  await ensureBuilt();
} catch (error) {
  say(error.message);
  process.exit(1);
}

// A process group of its own: signals reach it through us, once.
const main = join(root, 'apps/switchhook/dist/main.js');
const product = spawn(node24, [...serviceOptions, main, ...process.argv.slice(2)], {
  env: projectEnv(),
  stdio: 'inherit',
  detached: true,
});
let signalledAt = -Infinity;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    if (performance.now() - signalledAt < SAME_KEYPRESS_MS) return;
    signalledAt = performance.now();
    product.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
  });
if (process.env.npm_lifecycle_event) {
  // A killed npm tells nobody; the product must not run on with no one to stop it.
  const npm = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(watch);
    product.kill('SIGTERM');
  }, PARENT_POLL_MS);
  watch.unref();
}
product.once('error', (error) => {
  say(`Node 24 does not start: ${error.message}`);
  process.exit(1);
});
product.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
