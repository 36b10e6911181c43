// A service of the product, or all of it, as a process from the build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { root, serviceOptions } from '../setup/project.mjs';

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 40_000;
const POLL_MS = 20;
const OURS = /^(SWITCHHOOK_|KAFKA_|TOPIC_PREFIX$|DATABASE_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|NODE_ENV$|npm_)/;

export class ServiceProcess {
  #log = '';
  #child;
  #killWithUs = () => this.#child?.kill('SIGTERM');

  /** `app`: its folder in apps; `settings`: its environment, `PORT` among it, instead of the bench's own. */
  constructor({ app, cwd, settings, nodeOptions = [] }) {
    Object.assign(this, { app, cwd, settings, nodeOptions, url: `http://127.0.0.1:${settings.PORT}` });
    process.on('exit', this.#killWithUs);
  }

  get pid() {
    return this.#child.pid;
  }

  /** Starts it on the data that are there; resolves with the milliseconds until it was ready. */
  async start() {
    const startedAt = performance.now();
    const inherited = Object.entries(process.env).filter(([name]) => !OURS.test(name));
    const main = join(root, `apps/${this.app}/dist/main.js`);
    const child = spawn(process.execPath, [...serviceOptions, ...this.nodeOptions, main], {
      cwd: this.cwd,
      env: { ...Object.fromEntries(inherited), ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (this.#log = (this.#log + chunk).slice(-8_000)));
    while (!(await this.#isReady())) {
      const isOver = child.exitCode !== null || performance.now() - startedAt > READY_WITHIN_MS;
      if (isOver) throw new Error(`${this.app} did not become ready:\n${this.#log}`);
      await sleep(POLL_MS);
    }
    return performance.now() - startedAt;
  }

  async kill9() {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, for good. */
  async stop() {
    process.off('exit', this.#killWithUs);
    await this.#end('SIGTERM');
  }

  async #isReady() {
    try {
      return (await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(2_000) })).status === 200;
    } catch {
      return false;
    }
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
