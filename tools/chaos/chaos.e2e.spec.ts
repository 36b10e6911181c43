import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { kafkaBrokers, kafkaPossible } from '@switchhook/testing';
import { expect, it } from 'vitest';

const POINTS = 8;
const isThere = await kafkaPossible();
const tool = join(import.meta.dirname, '../chaos.mjs');

it.skipIf(!isThere)(
  'killed at eight named points under load, the product loses nothing, repeats only what was in flight, and keeps the order',
  { timeout: 420_000 },
  async () => {
    const seed = process.env['CHAOS_SEED'] ?? String(Date.now() % 1_000_000_007);
    const options = ['--seed', seed, '--draw', String(POINTS), '--processes', 'one', '--rate', '30'];
    const run = spawn(process.execPath, [tool, ...options, '--brokers', await kafkaBrokers()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.stderr.write(`\nnpm run chaos -- ${options.join(' ')}\n`);
    let said = '';
    let report = '';
    run.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    run.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()));
    const stop = (): void => void run.kill();
    process.once('exit', stop);
    const [code] = (await once(run, 'close')) as [number];
    process.off('exit', stop);
    expect(code, `${said}\n${report}`).toBe(0);
    const fired = Number(/^points fired: (\d+)/m.exec(report)?.[1]);
    expect(fired, `${said}\n${report}`).toBe(POINTS);
  },
);
