// Very many deliveries that wait for one endpoint: what they cost in memory, and how they leave when it is back.
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../setup/project.mjs';
import { metric } from './api.mjs';
import { mostBegunInASecond } from './archive.mjs';
import { accounts } from './load/events.mjs';
import { atLeast, line } from './pairs.mjs';
import { startProduct } from './product.mjs';
import { startServices } from './services.mjs';
import { usageOf } from './usage.mjs';

const DEAD = 0;
const WAITING = 'switchhook_schedule_waiting';
const POLL_MS = 1_000;
const MEMORY_BAR_MB = 400;
const MB = 1024 * 1024;
const RATE = { perSecond: 500, burst: 50 };
/** Of what the endpoint allows. */
const DRAINED_BAR = 0.9;
const QUIET_MS = 120_000;

export const waitingRows = {
  memory: {
    says: 'Kafka, delivery alone: --waiting for one dead endpoint, --webhooks',
    run: measureMemory,
    lines: ({ waiting, mostMb, endMb }) => [
      line('waiting', waiting),
      line('memory of delivery, most (MB)', mostMb, MEMORY_BAR_MB),
      line('memory of delivery, at the end (MB)', endMb, MEMORY_BAR_MB),
    ],
  },
  outage: {
    says: `embedded, half of --waiting for one endpoint that comes back and allows ${RATE.perSecond}/s`,
    run: measureOutage,
    lines: ({ count, arrived, perSecond, peakPerSecond, begunPerSecond }) => [
      line('lost', count - arrived, 0),
      atLeast('drained per second', perSecond, DRAINED_BAR * RATE.perSecond),
      line('most begun in any second', begunPerSecond, RATE.perSecond + RATE.burst),
      line('most that arrived in any second', peakPerSecond, RATE.perSecond + RATE.burst),
    ],
  },
};

async function measureMemory({ traffic, waiting: count, webhooks }) {
  const services = await startServices();
  const [delivery] = services.deliveries;
  try {
    await services.createWebhooks(wantedOf(webhooks, traffic.endpoints));
    say(`  ${webhooks} webhooks; delivery has ${Math.round(memoryOf(delivery))} MB`);
    await traffic.ask('behave', { endpoints: [DEAD], behaviour: 'refuse' });
    await burst(traffic, services.target(), count);
    const samplesMb = await sampledUntil(delivery.url, count, () => memoryOf(delivery));
    const waiting = await metric(delivery.url, WAITING);
    return { waiting, mostMb: Math.max(...samplesMb), endMb: samplesMb.at(-1), samplesMb };
  } finally {
    await traffic.ask('behave', { endpoints: [DEAD], behaviour: 'good' });
    await services.stop();
  }
}

async function measureOutage({ traffic, waiting }) {
  const count = Math.ceil(waiting / 2);
  const product = await startProduct({
    engine: 'embedded',
    endpoints: traffic.endpoints,
    webhook: { rateLimit: RATE },
  });
  try {
    await traffic.ask('behave', { endpoints: [DEAD], behaviour: 'refuse' });
    await burst(traffic, product.target('http'), count);
    await sampledUntil(product.url, count, () => 0);
    await traffic.ask('behave', { endpoints: [DEAD], behaviour: 'good' });
    await drained(traffic, count);
    const result = await traffic.ask('endBurst');
    const begunPerSecond = await mostBegunInASecond(product.databaseUrl(), count);
    return { ...result, begunPerSecond, failures: traffic.failures.splice(0) };
  } finally {
    await product.stop();
  }
}

async function burst(traffic, target, count) {
  await traffic.ask('prepareBurst', { target, count, endpoint: DEAD });
  await traffic.ask('beginBurst', { target });
}

/** One webhook per account that gets the events, and others, that are idle. */
function wantedOf(count, endpoints) {
  const busy = accounts.map((account, index) => [account, { callback: endpoints[index] }]);
  const idle = Array.from({ length: Math.max(0, count - busy.length) }, (_, index) => [
    accounts[index % accounts.length],
    { callback: `${endpoints[index % endpoints.length]}/${index}`, resource: 'InboundText' },
  ]);
  return [...busy, ...idle];
}

/** Samples once a second until as many deliveries wait; gives up when nothing more comes. */
async function sampledUntil(url, count, sample) {
  const samples = [];
  let most = -1;
  let giveUpAt = 0;
  for (;;) {
    samples.push(sample());
    const waiting = await metric(url, WAITING);
    if (waiting >= count) return samples;
    if (waiting > most) giveUpAt = performance.now() + QUIET_MS;
    most = Math.max(most, waiting);
    if (performance.now() > giveUpAt) throw new Error(`Only ${most} of ${count} came to wait`);
    if (samples.length % 10 === 0) say(`  ${waiting} wait`);
    await sleep(POLL_MS);
  }
}

async function drained(traffic, count) {
  let most = -1;
  let giveUpAt = 0;
  for (;;) {
    const { arrived } = await traffic.ask('burst');
    if (arrived >= count) return;
    if (arrived > most) giveUpAt = performance.now() + (arrived === 0 ? 2 : 1) * QUIET_MS;
    most = Math.max(most, arrived);
    if (performance.now() > giveUpAt) return;
    await sleep(POLL_MS);
  }
}

function memoryOf({ pid }) {
  return (usageOf({ delivery: { pid } })?.delivery.rssBytes ?? NaN) / MB;
}
