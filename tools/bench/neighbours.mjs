// What others feel of an endpoint, or an account, that is in trouble.
import { letWait } from './million.mjs';
import { comparison, inPairs, line } from './pairs.mjs';
import { FULL_HTTP, FULL_KAFKA, measure } from './runs.mjs';

const STEADY = { perSecond: 200 };
const SIX = [0, 1, 2, 3, 4, 5];
const ONE = [0];

/** p99 of the others while `endpoints` behave so, from the beginning of the measured time on. */
const latencyBeside = (says, endpoints, trouble) => ({
  says: `embedded, 200/s, ${says} (others only)`,
  run: (context) => withAndWithout(context, { load: { skip: endpoints }, trouble: { endpoints, ...trouble } }),
  lines: ({ pairs }) => [comparison('p99 (ms), with / without', pairs, (run) => run.p99, { most: 1.25 })],
});

/** The names of the six are asked for anew at each connection; the others are addresses, as in the other rows. */
const silentNameServer = {
  ...latencyBeside('the DNS of 6 of 20 endpoints hangs', SIX, { behaviour: 'dns' }),
  run: (context) => {
    const { traffic } = context;
    const endpoints = traffic.endpoints.map((url, index) =>
      SIX.includes(index) ? traffic.namedEndpoints[index] : url,
    );
    const product = { endpoints, settings: { SWITCHHOOK_DNS_SERVERS: traffic.nameServer } };
    return withAndWithout(context, { product, load: { skip: SIX }, trouble: { endpoints: SIX, behaviour: 'dns' } });
  },
};

const throughputBeside = (engine) => ({
  says: `${engine}, most deliveries per second to 19 endpoints while one refuses`,
  run: (context) =>
    withAndWithout(context, {
      engine,
      by: engine === 'kafka' ? 'kafka' : 'http',
      pace: engine === 'kafka' ? FULL_KAFKA : FULL_HTTP,
      load: { skip: ONE },
      trouble: { endpoints: ONE, behaviour: 'refuse' },
    }),
  lines: ({ pairs }) => [comparison('per second, with / without', pairs, (run) => run.perSecond, { least: 0.95 })],
});

const besideBurst = {
  says: 'embedded, 200/s, one account sends --burst at once (others only)',
  run: (context) =>
    withAndWithout(context, { load: { skip: ONE }, burst: { count: context.burstEvents, endpoint: ONE[0] } }),
  lines: ({ pairs }) => [
    comparison('p99 (ms), with / without', pairs, (run) => run.p99, { most: 2 }),
    line('of the burst, arrived meanwhile', Math.max(...pairs.map(([run]) => run.burst.arrived))),
  ],
};

const besideWaiting = {
  says: 'embedded, 200/s, a million deliveries of another account wait',
  run: (context) =>
    withAndWithout(context, { before: (product) => letWait(product, context.traffic.endpoints[0], 1_000_000) }),
  lines: ({ pairs }) => [comparison('p99 (ms), with / without', pairs, (run) => run.p99, { most: 1.25 })],
};

/** One endpoint, 1,000 keys. A key waits while an event of it is being retried; all others must not notice. */
const ordered = {
  says: 'embedded, 200/s to one endpoint, 1,000 keys in order, 1 % of first attempts refused',
  run: (context) =>
    withAndWithout(context, {
      product: { webhook: { ordering: 'key' } },
      load: { spread: 1, byKeys: true },
      trouble: { endpoints: ONE, behaviour: 'flaky' },
    }),
  lines: ({ pairs }) => [
    line('inversions', Math.max(...pairs.flat().map((run) => run.inversions)), 0),
    comparison('p99 of the other keys (ms), with / without', pairs, (run) => run.p99, { most: 1.2 }),
  ],
};

export const neighbourRows = {
  hang: latencyBeside('1 of 20 endpoints hangs 10 s', ONE, { behaviour: 'hang', afterMs: 10_000 }),
  hang6: latencyBeside('6 of 20 endpoints hang 30 s', SIX, { behaviour: 'hang', afterMs: 30_000 }),
  refuse6: latencyBeside('6 of 20 endpoints refuse connections', SIX, { behaviour: 'refuse' }),
  reset6: latencyBeside('6 of 20 endpoints reset connections', SIX, { behaviour: 'reset' }),
  drip6: latencyBeside('6 of 20 endpoints answer a byte per second', SIX, { behaviour: 'drip' }),
  error6: latencyBeside('6 of 20 endpoints answer 500', SIX, { behaviour: 'error' }),
  dns6: silentNameServer,
  'dead-endpoint': throughputBeside('embedded'),
  'kafka-dead-endpoint': throughputBeside('kafka'),
  'noisy-account': besideBurst,
  million: besideWaiting,
  ordered,
};

/** The product in pairs, with and without what troubles it. */
async function withAndWithout(context, { trouble, burst, before, ...wish }) {
  const usual = { ...context, subject: 'product', engine: 'embedded', by: 'http', pace: STEADY, ...wish };
  return inPairs(context, ['with', 'without'], (kind) =>
    measure(kind === 'with' ? { ...usual, trouble, burst, before } : usual),
  );
}
