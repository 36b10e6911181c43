// Where the project is, and how its tools run programs. Plain JavaScript for Node 20, without any package: it runs first.
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, wherever we were started from. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Node 24 of the npm package `node`: the `node` of the machine may be older than the product allows. */
export const node24 = join(root, 'node_modules/.bin/node');

/** How a service's `main.js` is started: with as many threads for V8's collector as there are cores, not four (docs/adr/0045). */
export const serviceOptions = ['--v8-pool-size=0'];

/** Our environment, with the project's programs (and with them Node 24) first on the PATH. */
export function projectEnv(extra = {}) {
  return { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}`, ...extra };
}

/** Says what happens now, beside the output proper. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a program in the project's folder and resolves with `{ code, ms, output }`. Its output goes to our stderr, or with
 * `quiet` is only kept. Ends it after `timeoutMs`.
 */
export function run(program, args, { quiet = false, env = projectEnv(), timeoutMs = 0 } = {}) {
  const begun = Date.now();
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
    // Stopped with us, whatever stops us.
    const stop = () => child.kill();
    process.once('exit', stop);
    const chunks = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        chunks.push(chunk);
        if (!quiet) process.stderr.write(chunk);
      });
    const finish = (code) => {
      process.off('exit', stop);
      done({ code, ms: Date.now() - begun, output: Buffer.concat(chunks).toString('utf8') });
    };
    child.once('error', (error) => {
      chunks.push(Buffer.from(`${program}: ${error.message}\n`));
      finish(-1);
    });
    child.once('close', (code, signal) => {
      if (signal) chunks.push(Buffer.from(`${program} was ended by ${signal}\n`));
      finish(code ?? -1);
    });
  });
}
