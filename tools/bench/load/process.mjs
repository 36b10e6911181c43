// The load's own process: senders and receivers together, so that one clock times both ends of a delivery. It is told what to
// do by the bench over IPC, a request at a time, and ends when the bench does.
import { setTimeout as sleep } from 'node:timers/promises';
import { Burst } from './burst.mjs';
import { ENDPOINTS, accounts, burstNumberIn, numberIn } from './events.mjs';
import { Ledger } from './ledger.mjs';
import { startNameServer } from './name-server.mjs';
import { saturating, steadily } from './pace.mjs';
import { startReceivers } from './receivers.mjs';
import { httpSender, kafkaSender } from './senders.mjs';

const QUIET_POLL_MS = 50;

let ledger = new Ledger();
let burst = new Burst(0);
let sender;
let stopPace;
const underWay = new Set();
const receivers = await startReceivers(arrive);
const nameServer = await startNameServer();

const actions = {
  endpoints: () => ({
    urls: receivers.ports.map((port) => `http://127.0.0.1:${port}/hook`),
    namedUrls: receivers.ports.map((port, index) => `http://endpoint-${index}.bench.test:${port}/hook`),
    nameServer: nameServer.address,
  }),
  behave: async (wish) => {
    nameServer.be(wish.behaviour === 'dns');
    await receivers.behave(wish);
  },
  begin: async ({ target, pace, spread = ENDPOINTS, skip }) => {
    ledger = new Ledger({ spread, skip });
    const options = { spread, onRefusal: () => (ledger.refusals += 1) };
    sender = target.brokers ? await kafkaSender(target, options) : httpSender(target, options);
    stopPace = pace.perSecond ? steadily(pace.perSecond, beginEvent) : saturating(pace, ledger, beginEvent);
  },
  mark: () => ledger.mark(),
  counts: () => ({ sent: ledger.sent, acknowledged: ledger.acknowledged, arrived: ledger.arrived }),
  prepareBurst: async ({ target, count, endpoint }) => {
    burst = new Burst(count);
    await burst.prepare(target, accounts[endpoint]);
  },
  /** `burst` tells how far it is. */
  beginBurst: ({ target }) => {
    burst.send(target).catch((error) => process.send({ failure: error.message }));
  },
  burst: () => burst.counts(),
  endBurst: () => burst.result(),
  end: async ({ drainMs, byKeys, kills }) => {
    stopPace();
    await drained(drainMs);
    const { sent, acknowledged, refusals, inversions } = ledger;
    const result = { sent, acknowledged, refusals, inversions, lost: ledger.missing(), ...ledger.measured({ byKeys }) };
    await sender.close();
    underWay.clear();
    return kills ? { ...result, ...ledger.aroundKills(kills) } : result;
  },
};

function arrive(body, at, isGood) {
  const n = numberIn(body);
  if (n >= 0) ledger.arrive(n, at, isGood);
  else burst.arrive(burstNumberIn(body), at);
}

function beginEvent(dueAt) {
  const n = ledger.begin(dueAt);
  const mine = ledger;
  const done = sender
    .send(n)
    .then(() => mine.acknowledge(n))
    .catch((error) => process.send({ failure: error.message }))
    .finally(() => underWay.delete(done));
  underWay.add(done);
}

/** Resolves when everything is acknowledged and has arrived, or when nothing new has arrived for `quietMs`: late is not lost. */
async function drained(quietMs) {
  let missing = Infinity;
  let giveUpAt = 0;
  for (;;) {
    const open = ledger.sent - ledger.acknowledged + ledger.missing();
    if (open === 0) return;
    if (open < missing) giveUpAt = performance.now() + quietMs;
    missing = Math.min(missing, open);
    if (performance.now() > giveUpAt) return;
    await sleep(QUIET_POLL_MS);
  }
}

process.on('message', async ({ id, action, options }) => {
  try {
    process.send({ id, answer: await actions[action](options ?? {}) });
  } catch (error) {
    process.send({ id, error: error.stack });
  }
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0 });
