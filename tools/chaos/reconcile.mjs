// Holds producers, archive and receivers against each other. Everything found is a fault of the product (or of this tool).
import { setTimeout as sleep } from 'node:timers/promises';
import { deliveryId, eventKey, evolveDelivery, initialDelivery } from '@switchhook/domain';
import { isTerminal } from './archive.mjs';
import { SINGLE_TYPE, SOURCE } from './world.mjs';

const LOOK_EVERY_MS = 500;
const SAY_EVERY_MS = 15_000;
/** How long a round may take to end, how long repeats may be on their way then, and how soon the archive knows of what was called. */
const WAITS = { endsWithinMs: 180_000, quietMs: 1_500, knownWithinMs: 10_000 };
/** A call that comes so much later than the log took its outcome was not under way then. */
const UNDER_WAY_MS = 1_000;
const SHOWN = 5;

/** Deliveries that must exist: id → `{ webhook, event id, subject, n }`. */
function expectedOf({ load, world }) {
  const expected = new Map();
  for (const [eventId, { account, subject, n, type }] of load.acknowledged) {
    if (type === SINGLE_TYPE) continue;
    const key = eventKey(account, SOURCE, eventId);
    for (const webhook of world.webhooks.get(account)) {
      expected.set(deliveryId(key, webhook.id), { webhook, eventId, subject, n });
    }
  }
  return expected;
}

/** Waits until all of a round has ended, then checks it. Resolves with `{ faults, counts }`. */
export async function reconcile(run, sinceMs, { endsWithinMs, quietMs, knownWithinMs } = WAITS) {
  const expected = expectedOf(run);
  const { events, unended } = await untilEnded(run, sinceMs, expected, endsWithinMs);
  const faults = new Faults();
  faults.add('event lost', unended.events);
  faults.add('delivery not ended', unended.deliveries);
  await tellStories(run, unended.deliveries);
  await sleep(quietMs);
  const outcomes = await run.archive.outcomes(sinceMs);
  const deliveries = await untilKnown(run, sinceMs, knownWithinMs);
  checkEvents(faults, run, events);
  checkDeliveries(faults, run, expected, deliveries);
  const byAttempt = checkOutcomes(faults, run, outcomes);
  const repeats = checkCalls(faults, run, byAttempt);
  await tellOrder(run, checkOrder(faults, run, expected));
  faults.add('record archived twice', await run.archive.repeatedRecords(sinceMs));
  faults.add('answer of GET /v2/deliveries', await checkAnswers(run, sinceMs, deliveries));
  for (const { ownEnds } of [...run.product.processes, ...run.product.extras]) faults.add('crash', ownEnds.splice(0));
  if (run.receivers.badSignatures > 0) faults.add('signature', [`${run.receivers.badSignatures} do not verify`]);
  for (const { id } of deliveries) run.ended.add(id);
  return {
    faults: faults.found,
    counts: { events: run.load.acknowledged.size, deliveries: deliveries.length, outcomes: outcomes.length, repeats },
  };
}

/** Of what stands still: what has happened to it, and what the processes say of themselves. */
async function tellStories({ archive, product, say }, deliveries) {
  for (const { id } of deliveries.filter((one) => one.id).slice(0, SHOWN)) say(await archive.story(id).catch(String));
  if (deliveries.length === 0) return;
  for (const { name, url, isRunning } of [...product.processes, ...product.extras]) {
    if (!isRunning) continue;
    const text = await fetch(`${url}/metrics`).then((answer) => answer.text(), String);
    const lines = text
      .split('\n')
      .filter((line) => /^switchhook_(consumer_lag|lanes|schedule|breakers|pauses)/.test(line));
    say([`${name} says:`, ...lines].join('\n      '));
  }
}

class Faults {
  found = [];

  add(what, cases) {
    if (cases.length === 0) return;
    const shown = cases.slice(0, SHOWN).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    this.found.push(`${what}: ${cases.length}\n    ${shown.join('\n    ')}`);
  }
}

async function untilEnded({ archive, load, say }, sinceMs, expected, endsWithinMs) {
  const giveUpAt = Date.now() + endsWithinMs;
  let sayAt = Date.now() + SAY_EVERY_MS;
  for (;;) {
    const found = await look(archive, load, sinceMs, expected).catch((error) => ({ error }));
    if (!found.error) {
      const isOver = found.unended.events.length === 0 && found.unended.deliveries.length === 0;
      if (isOver || Date.now() > giveUpAt) return found;
      if (Date.now() > sayAt) say(`waiting for ${whatWaits(found.unended)}`);
      if (Date.now() > sayAt) sayAt = Date.now() + SAY_EVERY_MS;
    } else if (Date.now() > giveUpAt) throw found.error;
    await sleep(LOOK_EVERY_MS);
  }
}

/** All deliveries, once the archive knows of each that was called: notices come when all else has ended. */
async function untilKnown({ archive, receivers, ended }, sinceMs, knownWithinMs) {
  const giveUpAt = Date.now() + knownWithinMs;
  for (;;) {
    const deliveries = await archive.deliveries(sinceMs);
    const known = new Set(deliveries.map(({ id }) => id));
    const areKnown = [...receivers.calls.keys()].every((id) => known.has(id) || ended.has(id));
    if (areKnown || Date.now() >= giveUpAt) return deliveries;
    await sleep(LOOK_EVERY_MS);
  }
}

function whatWaits({ events, deliveries }) {
  const kinds = Map.groupBy(
    deliveries,
    (one) => `${one.webhook ?? '?'} ${one.status ?? 'missing'} ${one.reason ?? ''}`,
  );
  return [`${events.length} events`, ...[...kinds].map(([kind, all]) => `webhook ${kind}: ${all.length}`)].join(', ');
}

async function look(archive, load, sinceMs, expected) {
  const [events, deliveries] = [await archive.events(sinceMs), await archive.deliveries(sinceMs)];
  const known = new Map(deliveries.map((one) => [one.id, one]));
  const archived = new Set(events.map(({ id }) => id));
  const served = new Set(deliveries.map(({ event }) => event));
  const unmatched = new Set(events.filter(({ status }) => status === 'unmatched').map(({ id }) => id));
  const isOpen = ([id, { type }]) =>
    !archived.has(id) || (type === SINGLE_TYPE && !served.has(id) && !unmatched.has(id));
  const open = [...load.acknowledged].filter(isOpen).map(([id]) => id);
  const missing = [...expected]
    .filter(([id]) => !known.has(id))
    .map(([id, { eventId }]) => `${id} of ${eventId}: none`);
  const waiting = deliveries.filter((one) => !isTerminal(one));
  return { events, deliveries, unended: { events: open, deliveries: [...missing, ...waiting] } };
}

function checkEvents(faults, { load }, events) {
  const ours = events.filter(({ source }) => source === SOURCE);
  faults.add(
    'event rejected',
    ours.filter(({ status }) => status === 'rejected'),
  );
  const isWrong = ({ id, status }) => status === 'unmatched' && load.acknowledged.get(id)?.type !== SINGLE_TYPE;
  faults.add('event unmatched', ours.filter(isWrong));
}

function checkDeliveries(faults, { receivers, ended }, expected, deliveries) {
  const ours = deliveries.filter(({ type }) => type !== SINGLE_TYPE && !type.startsWith('Webhook.'));
  faults.add(
    'delivery of nothing that was sent',
    ours.filter(({ id }) => !expected.has(id)),
  );
  const hasArrived = ({ id }) => receivers.calls.get(id)?.some(({ status }) => status === 200);
  const claimed = deliveries.filter(({ status }) => status === 'succeeded');
  faults.add(
    'succeeded, but its receiver has not answered 200',
    claimed.filter((one) => !hasArrived(one)),
  );
  const wrong = ours.filter((one) => isTerminal(one) && !isExpectedEnd(one));
  faults.add('unexpected end', wrong);
  const known = new Set(deliveries.map(({ id }) => id));
  const strangers = [...receivers.calls.keys()].filter((id) => !known.has(id));
  faults.add(
    'call of a delivery that had ended in an earlier round',
    strangers.filter((id) => ended.has(id)),
  );
  faults.add(
    'call of a delivery that the log does not know',
    strangers.filter((id) => !ended.has(id)),
  );
  const single = Map.groupBy(
    deliveries.filter(({ type }) => type === SINGLE_TYPE),
    ({ webhook }) => webhook,
  );
  faults.add(
    'singleUse webhook called for several events',
    [...single].filter(([, all]) => all.length > 1),
  );
}

const isExpectedEnd = ({ status, reason }) =>
  status === 'succeeded' || (status === 'exhausted' && reason === 'tries') || status === 'expired';

/** Histories are legal; no call was begun when the log had its outcome. Answers with the outcomes by attempt. */
function checkOutcomes(faults, { ended }, outcomes) {
  const illegal = [];
  for (const [id, facts] of Map.groupBy(outcomes, (one) => one.id)) {
    if (ended.has(id)) continue;
    try {
      facts.reduce(evolveDelivery, initialDelivery);
    } catch (error) {
      illegal.push(`${id}: ${error.message}; ${facts.map(({ kind, number, at }) => `${kind} ${number} @${at}`)}`);
    }
  }
  faults.add('illegal history', illegal);
  faults.add(
    'outcome of a delivery that had ended in an earlier round',
    outcomes.filter(({ id }) => ended.has(id)),
  );
  const ofCalls = outcomes.filter(({ outcome }) => outcome.attempt !== undefined);
  const byAttempt = Map.groupBy(ofCalls, ({ id, run, number }) => `${id}/${run}/${number}`);
  const again = [...byAttempt].flatMap(([name, [first, ...others]]) =>
    others
      .filter(({ outcome }) => outcome.attempt.startedAt > first.at)
      .map(({ outcome }) => `${name}: outcome @${first.at}, begun again @${outcome.attempt.startedAt}`),
  );
  faults.add('call begun again after its outcome', again);
  return byAttempt;
}

/** Answers with how many calls were repeats of what was in flight. */
function checkCalls(faults, { receivers }, byAttempt) {
  const late = [];
  let repeats = 0;
  for (const [id, calls] of receivers.calls) {
    const seen = new Set();
    for (const { at, run, number } of calls) {
      const name = `${id}/${run}/${number}`;
      // The first one may only have been long on its way: its outcome was a timeout then.
      if (seen.has(name)) {
        repeats += 1;
        const outcome = byAttempt.get(name)?.[0];
        const sentAt = beforeStall(receivers.proxy.stalls, at);
        if (outcome && sentAt > outcome.at + UNDER_WAY_MS) late.push(`${name}: outcome @${outcome.at}, call @${at}`);
      }
      seen.add(name);
    }
  }
  faults.add('call came again after its outcome', late);
  return repeats;
}

/** What came right after a stall was sent before it. */
function beforeStall(stalls, at) {
  const stall = stalls.find(([from, to]) => at >= from && at <= to + UNDER_WAY_MS);
  return stall ? stall[0] : at;
}

function checkOrder(faults, { receivers }, expected) {
  const inverted = [];
  for (const [name, ids] of receivers.inOrder) {
    const last = new Map();
    for (const id of ids) {
      const { subject, n } = expected.get(id) ?? {};
      if (n === undefined) continue;
      const before = last.get(subject);
      if (before && n < before.n) inverted.push({ name, subject, n, id, before });
      last.set(subject, { n, id });
    }
  }
  faults.add(
    'order of a subject',
    inverted.map(({ name, subject, n, id, before }) => `${name}, ${subject}: ${n} (${id}) after ${before.n}`),
  );
  return inverted;
}

/** What happened to two deliveries that came in the wrong order. */
async function tellOrder({ archive, receivers, say }, inverted) {
  for (const id of inverted.slice(0, 2).flatMap((one) => [one.id, one.before.id])) {
    const calls = receivers.calls
      .get(id)
      ?.map(({ at, number }) => `${new Date(at).toISOString().slice(11, 23)} no. ${number}`);
    say(`called ${calls?.join(', ')}\n      ${await archive.story(id).catch(String)}`);
  }
}

/** What the API answers is what the archive has. */
async function checkAnswers({ world, answers }, sinceMs, deliveries) {
  const statuses = new Map();
  for (const account of world.accounts) {
    for (const { id, status } of await answers(account, sinceMs)) statuses.set(id, status);
  }
  return deliveries
    .filter(({ id, status }) => statuses.get(id) !== status)
    .map(({ id, status }) => `${id}: ${statuses.get(id)} instead of ${status}`);
}
