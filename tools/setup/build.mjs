// tsc -b, when a source changed.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say } from './project.mjs';

/** Compiles what changed since the last time. Throws with the compiler's output. */
export async function ensureBuilt() {
  const marker = join(root, 'node_modules/.switchhook-built');
  const now = fingerprint();
  if (outputsExist() && existsSync(marker) && readFileSync(marker, 'utf8') === now) return;
  say('Building (tsc -b)');
  const { code, ms, output } = await run('tsc', ['-b'], { quiet: true });
  if (code !== 0) throw new Error(`The build failed:\n${output}`);
  // The fingerprint from before: what was edited meanwhile is built the next time.
  writeFileSync(marker, now);
  say(`Built in ${(ms / 1000).toFixed(1)} s`);
}

function projects() {
  return ['apps', 'libs'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => join(root, kind, name)));
}

function outputsExist() {
  return projects().every((folder) => !existsSync(join(folder, 'tsconfig.json')) || existsSync(join(folder, 'dist')));
}

/** Names, sizes and times of everything the compiler reads: some hundred `stat` calls instead of a compiler start. */
function fingerprint() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const file of ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json']) add(join(root, file));
  for (const folder of projects()) {
    for (const file of ['package.json', 'tsconfig.json']) if (existsSync(join(folder, file))) add(join(folder, file));
    for (const path of sources(join(folder, 'src'))) add(path);
  }
  return hash.digest('hex');
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? sources(join(folder, entry.name)) : [join(folder, entry.name)]));
}
