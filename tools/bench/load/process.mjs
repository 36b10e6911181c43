// The load's own process: senders and receivers together, so that one clock times both ends of a delivery. It is told what to
// do by the bench over IPC, a request at a time, and ends when the bench does.
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from './ledger.mjs';
import { saturating, steadily } from './pace.mjs';
import { startReceivers } from './receivers.mjs';
import { httpSender, kafkaSender } from './senders.mjs';

const QUIET_POLL_MS = 50;

let ledger = new Ledger();
let sender;
let stopPace;
const underWay = new Set();
const receivers = await startReceivers((n, at) => ledger.arrive(n, at));

const actions = {
  urls: () => receivers.urls,
  hang: ({ endpoint, afterMs }) => void receivers.hang(endpoint, afterMs),
  begin: async ({ target, pace }) => {
    ledger = new Ledger();
    sender = target.brokers ? await kafkaSender(target) : httpSender(target, () => (ledger.refusals += 1));
    stopPace = pace.perSecond ? steadily(pace.perSecond, beginEvent) : saturating(pace, ledger, beginEvent);
  },
  mark: () => ledger.mark(),
  counts: () => ({ sent: ledger.sent, acknowledged: ledger.acknowledged, arrived: ledger.arrived }),
  end: async ({ drainMs, skip, kills }) => {
    stopPace();
    await drained(drainMs, skip);
    const { sent, acknowledged, refusals } = ledger;
    const result = { sent, acknowledged, refusals, lost: ledger.missing(skip), ...ledger.measured(skip) };
    await sender.close();
    underWay.clear();
    return kills ? { ...result, ...ledger.aroundKills(kills) } : result;
  },
};

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
async function drained(quietMs, skip) {
  let missing = Infinity;
  let giveUpAt = 0;
  for (;;) {
    const open = ledger.sent - ledger.acknowledged + ledger.missing(skip);
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
