// npm run audit:rebuild: makes the views of the archive again, whether the product is running or not.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './setup/build.mjs';
import { ensureInstalled } from './setup/install.mjs';
import { node24, projectEnv, root, say } from './setup/project.mjs';

try {
  await ensureInstalled();
  await ensureBuilt();
} catch (error) {
  say(error.message);
  process.exit(1);
}

// Ctrl-C in a terminal reaches the rebuild itself; we end with it.
process.on('SIGINT', () => {});
const rebuild = spawn(node24, [join(root, 'apps/audit/dist/rebuild-main.js')], { env: projectEnv(), stdio: 'inherit' });
process.on('SIGTERM', () => rebuild.kill());
rebuild.once('exit', (code) => process.exit(code ?? 1));
