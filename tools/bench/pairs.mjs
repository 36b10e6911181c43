// Two sides, measured in turns, and the lines of the table.
import { say } from '../setup/project.mjs';
import { median } from './stats.mjs';

/** `count` pairs, one side after the other, in turns: what drifts on the machine reaches both. */
export async function inPairs({ pairs: count }, [first, second], run) {
  const pairs = [];
  for (let pair = 0; pair < count; pair += 1) {
    say(` pair ${pair + 1} of ${count}`);
    const results = {};
    for (const kind of pair % 2 === 0 ? [first, second] : [second, first]) results[kind] = await run(kind);
    pairs.push([results[first], results[second]]);
  }
  return { pairs };
}

/** The median of each side, and the median of the pairs' ratios, which is what the bar is about. */
export function comparison(what, pairs, valueOf, { most, least }) {
  const [mine, theirs] = [0, 1].map((side) => median(pairs.map((pair) => valueOf(pair[side]))));
  const ratio = median(pairs.map(([one, other]) => valueOf(one) / valueOf(other)));
  const bar = most ? `≤ ${most}` : least ? `≥ ${least}` : '';
  const met = most ? ratio <= most : least ? ratio >= least : null;
  return { what, value: mine, against: theirs, ratio, bar, met };
}

/** A figure that may be `most`. */
export const line = (what, value, most) => ({
  what,
  value,
  bar: most === undefined ? '' : `≤ ${Math.round(most)}`,
  met: most === undefined ? null : value <= most,
});

/** A figure that must be `least`. */
export const atLeast = (what, value, least) => ({
  what,
  value,
  bar: `≥ ${Math.round(least)}`,
  met: value >= least,
});

export const cpuOf = (run) => Object.values(run.cpuMs ?? {}).reduce((sum, value) => sum + value, 0);
