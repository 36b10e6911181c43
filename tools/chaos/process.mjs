import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { node24, root, serviceOptions } from '../setup/project.mjs';

const END_HERE = pathToFileURL(join(import.meta.dirname, 'end-here.mjs')).href;
const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 45_000;
const POLL_MS = 50;
const OURS = /^(SWITCHHOOK_|KAFKA_|TOPIC_PREFIX$|DATABASE_URL$|PORT$|HOST$|ROLE$|LOG_LEVEL$|NODE_ENV$|VITEST|npm_)/;
const inherited = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));

/** A process of the product, on one port for its whole life, however often it is killed and started again. */
export class ServiceProcess {
  /** Whose points it passes. */
  roles;
  /** How it ended when nobody had ended it. */
  ownEnds = [];
  #child;
  #log;
  #isToEnd = false;

  /** `app`: whose main.js; `roles`: the services in it; `heapMb` bounds it; `logFile` gets what it says. */
  constructor({ name, app, roles, env, port, heapMb, logFile }) {
    Object.assign(this, { name, app, roles, port, heapMb, logFile });
    this.env = { ...env, PORT: String(port) };
    this.url = `http://127.0.0.1:${port}`;
    this.killWithUs = () => this.#child?.kill('SIGKILL');
  }

  get isRunning() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it; `endAt` (`<point>:<nth>`) names where the start ends. */
  start(endAt) {
    this.#log ??= openSync(this.logFile, 'a');
    process.on('exit', this.killWithUs);
    const main = join(root, 'apps', this.app, 'dist/main.js');
    this.#child = spawn(
      node24,
      [...serviceOptions, '--import', END_HERE, `--max-old-space-size=${this.heapMb}`, main],
      {
        env: { ...inherited(), ...this.env, ...(endAt && { SWITCHHOOK_CRASH_AT: endAt }) },
        stdio: ['ignore', this.#log, this.#log, 'ipc'],
      },
    );
    this.#child.on('error', () => undefined);
    this.#isToEnd = false;
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      process.off('exit', this.killWithUs);
      // SIGKILL comes from us alone, a named point included.
      if (!this.#isToEnd && signal !== 'SIGKILL')
        this.ownEnds.push(`${this.name} ended by itself: ${code ?? signal}\n${this.tail()}`);
      return { code, signal };
    });
  }

  /** Resolves when it answers that it is ready; rejects when it ends before, or does not get there. */
  async untilReady() {
    const giveUpAt = performance.now() + READY_WITHIN_MS;
    let reason = 'no answer';
    while (performance.now() < giveUpAt) {
      if (!this.isRunning) throw new Error(`${this.name} ended while it was starting:\n${this.tail()}`);
      try {
        const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
        if (answer.status === 200) return;
        reason = await answer.text();
      } catch (error) {
        reason = String(error); // It does not listen yet, or is too busy to answer.
      }
      await sleep(POLL_MS);
    }
    throw new Error(`${this.name} is not ready after ${READY_WITHIN_MS / 1_000} s: ${reason}\n${this.tail()}`);
  }

  /** It will end itself where it passes `point` for the nth time; null: nowhere. */
  arm(point, nth = 1) {
    if (this.isRunning) this.#child.send(point === null ? null : { point, nth }, () => undefined);
  }

  /** Whether it has been killed within `withinMs`; also false as soon as `instead`, if given, has resolved. */
  async isKilledWithin(withinMs, instead) {
    const waiting = new AbortController();
    const late = sleep(withinMs, false, { signal: waiting.signal }).catch(() => false);
    const others = instead ? [instead.then(() => false)] : [];
    const killed = await Promise.race([this.ended.then(({ signal }) => signal === 'SIGKILL'), late, ...others]);
    waiting.abort();
    return killed;
  }

  async kill9() {
    if (!this.isRunning) return;
    this.#isToEnd = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM. Resolves with how it ended. */
  async terminate() {
    if (!this.isRunning) return undefined;
    this.#isToEnd = true;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_WITHIN_MS);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  async close() {
    await this.terminate();
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  tail() {
    return readFileSync(this.logFile, 'utf8').slice(-4_000);
  }
}
