// npm ci, when it is needed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say } from './project.mjs';

/** Installs the packages of the lock file unless exactly these are installed. Throws with npm's output. */
export async function ensureInstalled() {
  const lock = join(root, 'package-lock.json');
  const marker = join(root, 'node_modules/.switchhook-installed');
  const wanted = createHash('sha256').update(readFileSync(lock)).digest('hex');
  if (isInstalled(lock, marker, wanted)) return;
  say('Installing packages (npm ci): about half a minute, once');
  const { code, ms, output } = await run('npm', ['ci', '--no-audit', '--no-fund'], { quiet: true, env: process.env });
  if (code !== 0) throw new Error(`npm ci failed:\n${output}`);
  writeFileSync(marker, wanted);
  say(`Installed in ${(ms / 1000).toFixed(1)} s`);
}

function isInstalled(lock, marker, wanted) {
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return true;
  // npm's own note of what it installed, newer than the lock file: somebody ran npm by hand.
  const note = join(root, 'node_modules/.package-lock.json');
  return existsSync(note) && statSync(note).mtimeMs >= statSync(lock).mtimeMs;
}
