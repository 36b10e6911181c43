import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const endHere = pathToFileURL(join(import.meta.dirname, 'end-here.mjs')).href;

/** Passes two groups' points five times and says each; answers with what was said and how it ended. */
async function passPoints(loads: boolean, env: Record<string, string>): Promise<{ said: string; signal: unknown }> {
  const program = `
    import { channel } from 'node:diagnostics_channel';
    import { writeSync } from 'node:fs';
    const handled = channel('switchhook.log.handled');
    for (let n = 1; n <= 5; n += 1) for (const group of ['ingestion', 'signing']) {
      writeSync(1, group[0] + n);
      handled.publish(group);
    }`;
  const args = [...(loads ? ['--import', endHere] : []), '--input-type=module', '-e', program];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [, signal] = (await once(child, 'close')) as [unknown, unknown];
  return { said, signal };
}

it('a process ends where it passes its point for the nth time, counting the named group only', async () => {
  const ended = await passPoints(true, { SWITCHHOOK_CRASH_AT: 'signing.handled:3' });
  expect(ended).toEqual({ said: 'i1s1i2s2i3s3', signal: 'SIGKILL' });
});

it('without end-here.mjs, or without a point, nothing ends', async () => {
  const all = { said: 'i1s1i2s2i3s3i4s4i5s5', signal: null };
  expect(await passPoints(false, { SWITCHHOOK_CRASH_AT: 'signing.handled:3' })).toEqual(all);
  expect(await passPoints(true, {})).toEqual(all);
});
