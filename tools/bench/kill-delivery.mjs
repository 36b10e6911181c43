// `kill -9` of the delivery service among separate services on Kafka.
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../setup/project.mjs';
import { outcomesBeyondOne } from './archive.mjs';
import { accounts } from './load/events.mjs';
import { line } from './pairs.mjs';
import { startServices } from './services.mjs';

const PACE = { perSecond: 400 };
/** Of `--rounds`, one in so many: these take longer. */
const FEWER = 4;
const RESTART_AFTER_MS = 1_000;
/** Longer than a session of a member that is gone. */
const TAKEN_OVER_WITHIN_MS = 15_000;
const BETWEEN_MS = 10_000;
const DRAIN_MS = 30_000;
const KNOWN = { knownAfterMs: 100, dyingMs: 500 };

export const deliveryKillRows = {
  'kill-delivery': {
    says: 'Kafka, separate services, kill -9 of delivery at 400/s, again after 1 s',
    run: (context) => killRepeatedly(context, { deliveries: 1, untilStartedMs: RESTART_AFTER_MS }),
    lines: (result) => linesOf(result, 5_000),
  },
  'take-over': {
    says: 'Kafka, separate services, kill -9 of one of two delivery services at 400/s',
    run: (context) => killRepeatedly(context, { deliveries: 2, untilStartedMs: TAKEN_OVER_WITHIN_MS }),
    lines: (result) => linesOf(result, 10_000),
  },
};

function linesOf(result, mostMs) {
  return [
    line('acknowledged', result.acknowledged),
    line('lost', result.lost, 0),
    line('repeated', result.repeated),
    line('repeated although the log had their outcome', result.repeatedKnown, 0),
    line('longest stall of an endpoint (ms)', result.longestStallOfOneMs, mostMs),
  ];
}

/** Kills the first process of delivery and starts it again after `untilStartedMs`, again and again. */
async function killRepeatedly({ traffic, rounds, warmMs }, { deliveries, untilStartedMs }) {
  const services = await startServices({ deliveries });
  const restartsMs = [];
  try {
    await services.createWebhooks(accounts.map((account, index) => [account, { callback: traffic.endpoints[index] }]));
    await traffic.ask('begin', { target: services.target(), pace: PACE });
    await sleep(warmMs);
    const [killed] = services.deliveries;
    const times = Math.max(1, Math.ceil(rounds / FEWER));
    for (let round = 0; round < times; round += 1) {
      await traffic.ask('mark');
      await killed.kill9();
      await sleep(untilStartedMs);
      restartsMs.push(await killed.start());
      say(`  kill ${round + 1} of ${times}, ready again after ${Math.round(restartsMs.at(-1))} ms`);
      await sleep(BETWEEN_MS);
    }
    const { curve: _curve, ...result } = await traffic.ask('end', { drainMs: DRAIN_MS, kills: KNOWN });
    const { archived, beyond } = await outcomesBeyondOne(services.postgres.url, result.acknowledged);
    return { ...result, archived, repeatedKnown: beyond, restartsMs, failures: traffic.failures.splice(0) };
  } finally {
    await services.stop();
  }
}
