// Loaded into a process of the product with `node --import`, by the chaos tool and nobody else: ends it with SIGKILL when it
// passes a named point for the nth time. The parent arms a point over the channel (`{ point, nth }`, null: none), or before
// the start by SWITCHHOOK_CRASH_AT=<name>[:<nth>]. The product itself holds no code that could end it (docs/adr/0035).
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { POINTS } from './points.mjs';

const CHANNEL = 'switchhook.';
let armed;

for (const name of new Set(POINTS.map(({ channel }) => channel))) {
  subscribe(CHANNEL + name, (message) => {
    if (armed === undefined || armed.point.channel !== name) return;
    if (armed.point.of !== undefined && armed.point.of !== message) return;
    armed.left -= 1;
    if (armed.left > 0) return;
    try {
      writeSync(2, `\nENDED AT ${armed.point.name}\n`);
    } catch {
      // The pipe is full or closed; the kill must come all the same.
    }
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way: nothing more may happen here.
    for (;;);
  });
}

function arm({ point: name, nth }) {
  const point = POINTS.find((one) => one.name === name);
  if (!point) throw new Error(`There is no point ${name}`);
  armed = { point, left: nth };
}

const [name, nth = '1'] = (process.env.SWITCHHOOK_CRASH_AT ?? '').split(':');
if (name) arm({ point: name, nth: Number(nth) });
process.on('message', (message) => (message === null ? (armed = undefined) : arm(message)));
// A process that is told to stop must not stay for our sake.
process.channel?.unref();
