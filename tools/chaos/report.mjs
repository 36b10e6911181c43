const LAST = 40;

/** What a run has shown, as text; a failing one with what happened last. */
export function reportOf({ options, chaos, totals, log, startedAt, logDir }) {
  const { seed, engine, separate } = options;
  const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
  const { faults } = totals;
  const notFired = chaos.points.filter(({ name }) => !chaos.fired.has(name)).map(({ name }) => name);
  const lines = [
    `seed ${seed}, engine ${engine}, ${separate ? 'one process per service' : 'one process'}, ${minutes} minutes`,
    `kills: ${chaos.kills} (${Object.entries(chaos.killed)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')})`,
    `stalls: ${chaos.stalls}; members that came or went: ${chaos.joins}; rounds: ${totals.rounds}`,
    `events acknowledged: ${totals.events}, deliveries: ${totals.deliveries}, outcomes: ${totals.outcomes}`,
    `calls repeated while in flight: ${totals.repeats}`,
    `points fired: ${chaos.fired.size}: ${[...chaos.fired].map(([name, count]) => `${name} ${count}`).join(', ')}`,
    `points not fired: ${notFired.length > 0 ? notFired.join(', ') : 'none'}`,
    faults.length === 0
      ? 'faults: 0'
      : `FAULTS:\n${faults.join('\n')}\n\nLogs: ${logDir}\n${log.slice(-LAST).join('\n')}`,
  ];
  return { faults, text: lines.join('\n') };
}
