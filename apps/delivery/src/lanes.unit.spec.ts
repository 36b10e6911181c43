import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lanes, type LaneJob, type LanesOptions } from './lanes.js';

interface Job extends LaneJob {
  readonly id: number;
}

/** Calls that end when the test says so. */
function hangingCalls(options: Partial<LanesOptions<Job>> = {}) {
  let nowMs = 0;
  let nextId = 0;
  const timers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const open = new Map<number, { job: Job; end: () => void; signal: AbortSignal }>();
  const begun: number[] = [];
  const roomFor: number[] = [];
  const lanes = new Lanes<Job>({
    start: (job, signal) =>
      new Promise<void>((resolve) => {
        begun.push(job.id);
        const end = () => {
          open.delete(job.id);
          resolve();
        };
        signal.addEventListener('abort', end);
        open.set(job.id, { job, end, signal });
      }),
    concurrencyOf: () => 2,
    limitOf: () => Infinity,
    rateOf: () => undefined,
    mayStart: () => true,
    onRoom: (webhookId) => roomFor.push(webhookId),
    now: () => nowMs,
    after: (waitMs, wake) => {
      const timer = { at: nowMs + waitMs, wake };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    ...options,
  });
  const offer = (webhookId: number, more: Partial<Job> = {}) =>
    lanes.offer({ accountId: webhookId, webhookId, partition: 0, bytes: 10, id: nextId++, ...more });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const endAll = async () => {
    for (const { end } of [...open.values()]) end();
    await settled();
  };
  const advance = (ms: number) => {
    const until = nowMs + ms;
    for (;;) {
      const [timer] = [...timers].sort((a, b) => a.at - b.at);
      if (!timer || timer.at > until) break;
      timers.delete(timer);
      nowMs = timer.at;
      timer.wake();
    }
    nowMs = until;
  };
  return { lanes, offer, open, begun, roomFor, endAll, settled, advance, timers };
}

describe('lanes', () => {
  it('makes at most as many calls at a time as the webhook allows, in the order of the records', async () => {
    const { offer, begun, open, endAll } = hangingCalls();
    for (let i = 0; i < 5; i++) offer(1);
    expect(begun).toEqual([0, 1]);
    expect(open.size).toBe(2);
    await endAll();
    expect(begun).toEqual([0, 1, 2, 3]);
    await endAll();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('begins a call of one webhook at once while all calls of another hang', () => {
    const { offer, begun } = hangingCalls();
    for (let i = 0; i < 50; i++) offer(1);
    offer(2);
    expect(begun).toEqual([0, 1, 50]);
  });

  it('refuses what is over the bound of one lane, and says so when there is room again', async () => {
    const { offer, lanes, roomFor, endAll } = hangingCalls({ laneRecordsMax: 3 });
    expect([offer(1), offer(1), offer(1), offer(1)]).toEqual(['taken', 'taken', 'taken', 'full']);
    expect(lanes.room(1)).toBe(0);
    await endAll();
    expect(roomFor).toEqual([1, 1]);
    expect(lanes.room(1)).toBe(2);
  });

  it('refuses what is over the bounds of all lanes together, in records and in bytes', () => {
    const byRecords = hangingCalls({ recordsMax: 2 });
    expect([byRecords.offer(1), byRecords.offer(2), byRecords.offer(3)]).toEqual(['taken', 'taken', 'full']);
    const byBytes = hangingCalls({ bytesMax: 25 });
    expect([byBytes.offer(1), byBytes.offer(2), byBytes.offer(3)]).toEqual(['taken', 'taken', 'full']);
  });

  it('takes only what it can begin within a minute at the pace of an endpoint that hangs', () => {
    const { offer, lanes, advance } = hangingCalls();
    offer(1);
    offer(1);
    expect(lanes.room(1)).toBeGreaterThan(1_000);
    advance(20_000);
    // 2 calls at a time, 20 s each: 6 in a minute, 2 of them are under way.
    expect(lanes.room(1)).toBe(4);
  });

  it('keeps nothing of a webhook that is idle', async () => {
    const { offer, lanes, endAll } = hangingCalls();
    for (let webhookId = 0; webhookId < 100; webhookId++) offer(webhookId);
    expect(lanes.counts().lanes).toBe(100);
    await endAll();
    expect(lanes.counts()).toEqual({ lanes: 0, records: 0, calls: 0 });
  });

  it('holds and begins no more than the limit of the moment, and gives up what it has not begun', async () => {
    let limit = 3;
    const { offer, lanes, begun, endAll } = hangingCalls({ limitOf: () => limit });
    expect([offer(1), offer(1), offer(1), offer(1)]).toEqual(['taken', 'taken', 'taken', 'full']);
    limit = 0;
    expect(lanes.takeWaiting(1).map(({ id }) => id)).toEqual([2]);
    expect(lanes.counts()).toEqual({ lanes: 1, records: 2, calls: 2 });
    await endAll();
    expect(offer(1)).toBe('full');
    expect([lanes.room(1), lanes.counts().lanes]).toEqual([0, 0]);
    limit = 1;
    expect([offer(1), offer(1)]).toEqual(['taken', 'full']);
    expect(begun).toEqual([0, 1, 5]);
  });

  it('begins nothing that waits in a lane whose limit has fallen, until it rises', async () => {
    let limit = 3;
    const { offer, lanes, begun, endAll } = hangingCalls({ limitOf: () => limit });
    for (let i = 0; i < 3; i++) offer(1);
    limit = 0;
    await endAll();
    expect(begun).toEqual([0, 1]);
    limit = 1;
    lanes.resume();
    expect(begun).toEqual([0, 1, 2]);
  });

  it('begins nothing while calls may not start, and goes on at resume', () => {
    let may = false;
    const { offer, lanes, begun } = hangingCalls({ mayStart: () => may });
    offer(1);
    expect(begun).toEqual([]);
    may = true;
    lanes.resume();
    expect(begun).toEqual([0]);
  });

  it('stops a partition that goes away: waits for its calls, aborts what is late, and leaves the others alone', async () => {
    const { offer, lanes, open, begun } = hangingCalls();
    for (let i = 0; i < 4; i++) offer(1, { partition: 1 });
    offer(2, { partition: 2 });
    const early = open.get(0);
    const stopped = lanes.stopPartition(1, 20);
    early?.end();
    await stopped;
    expect(begun).toEqual([0, 1, 4]);
    expect([...open.keys()]).toEqual([4]);
    expect(open.get(4)?.signal.aborted).toBe(false);
    expect(lanes.counts()).toEqual({ lanes: 1, records: 1, calls: 1 });
  });

  it('leaves room for the others however much one account has: alone it gets half of the bounds', () => {
    const { offer } = hangingCalls({ recordsMax: 10 });
    const mine = Array.from({ length: 8 }, (_, webhook) => offer(100 + webhook, { accountId: 1 }));
    expect(mine.filter((taken) => taken === 'taken')).toHaveLength(5);
    expect([offer(2), offer(3), offer(4)]).toEqual(['taken', 'taken', 'taken']);
  });

  it('begins at once what another account sends while one has all the calls that it may have, however long they hang', async () => {
    const { offer, begun, lanes, endAll } = hangingCalls({ callsMax: 8 });
    for (let id = 0; id < 20; id++) offer(100 + id, { accountId: 1 });
    expect(lanes.counts().calls).toBe(4);
    offer(2);
    offer(3);
    expect(begun.slice(4)).toEqual([20, 21]);
    while (lanes.counts().records > 0) await endAll();
    expect(begun).toHaveLength(22);
  });

  it('gives accounts turns where calls have to wait, whatever the number of their webhooks and records', async () => {
    const { offer, begun, open, settled } = hangingCalls({ callsMax: 3, concurrencyOf: () => 100 });
    const accountOf: number[] = [];
    const send = (accountId: number, webhookId: number) => {
      accountOf.push(accountId);
      offer(webhookId, { accountId });
    };
    for (let id = 0; id < 60; id++) send(1, 100 + (id % 20));
    for (let id = 0; id < 10; id++) send(2, 200);
    for (let ended = 0; begun.filter((id) => accountOf[id] === 2).length < 10; ended++) {
      [...open.values()][0]?.end();
      await settled();
      expect(ended).toBeLessThan(25);
    }
  });

  it('gives an account with a weight as many times what is free, and as many calls in its turn', async () => {
    const weightOf = (accountId: number) => (accountId === 1 ? 3 : 1);
    const alone = hangingCalls({ recordsMax: 12, weightOf });
    const taken = Array.from({ length: 12 }, (_, webhook) => alone.offer(100 + webhook, { accountId: 1 }));
    expect(taken.filter((one) => one === 'taken')).toHaveLength(9);

    const { offer, begun, open, settled } = hangingCalls({ callsMax: 5, concurrencyOf: () => 100, weightOf });
    const accountOf = Array.from({ length: 120 }, (_, id) => (id % 2 === 0 ? 1 : 2));
    for (const accountId of accountOf) offer(accountId * 100, { accountId });
    while (begun.length < 85) {
      [...open.values()][0]?.end();
      await settled();
    }
    const light = begun.slice(5).filter((id) => accountOf[id] === 2).length;
    // About three to one, with one lane each; a few more, because what is free at the moment counts, too.
    expect(light).toBeGreaterThanOrEqual(20);
    expect(light).toBeLessThanOrEqual(24);
  });

  it('makes as many calls in a time as the webhook allows, with one timer for all that wait', async () => {
    const { offer, begun, advance, timers, lanes, endAll } = hangingCalls({
      concurrencyOf: () => 100,
      rateOf: (webhookId) => (webhookId === 1 ? { perSecond: 10, burst: 3 } : undefined),
    });
    for (let id = 0; id < 8; id++) offer(1);
    offer(2);
    expect(begun).toEqual([0, 1, 2, 8]);
    expect(timers.size).toBe(1);
    advance(99);
    expect(begun).toHaveLength(4);
    advance(301);
    expect(begun.slice(4)).toEqual([3, 4, 5, 6]);
    await endAll();
    expect(begun).toHaveLength(8);
    advance(100);
    await endAll();
    expect([begun.length, timers.size, lanes.counts().lanes]).toEqual([9, 0, 0]);
  });

  it('takes no more than the rate lets begin within a minute, and forgets the bucket of a webhook that is idle', async () => {
    const { offer, advance, lanes, endAll } = hangingCalls({ rateOf: () => ({ perSecond: 0.05, burst: 1 }) });
    expect([offer(1), offer(1), offer(1), offer(1), offer(1)]).toEqual([...Array(4).fill('taken'), 'limited']);
    expect(lanes.room(1)).toBe(0);
    for (let call = 0; call < 4; call++) {
      await endAll();
      advance(20_000);
    }
    lanes.buckets.sweep();
    expect([lanes.counts().records, lanes.buckets.count()]).toEqual([0, 0]);
  });

  it('keeps to the rate although the lane was empty in between', async () => {
    const { offer, begun, endAll, advance } = hangingCalls({ rateOf: () => ({ perSecond: 1, burst: 2 }) });
    for (let id = 0; id < 4; id++) {
      offer(1);
      await endAll();
    }
    expect(begun).toEqual([0, 1]);
    advance(1_000);
    expect(begun).toEqual([0, 1, 2]);
  });

  it('never holds more than its bounds, and begins each record that it took exactly once, in order per webhook', async () => {
    const step = fc.oneof(
      fc.nat({ max: 4 }).map((webhookId) => ({ webhookId })),
      fc.constant('end' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const run = hangingCalls({ laneRecordsMax: 5, recordsMax: 12 });
        const taken = new Map<number, number[]>();
        let id = 0;
        for (const each of steps) {
          if (each === 'end') await run.endAll();
          else {
            if (run.offer(each.webhookId) === 'taken')
              taken.set(each.webhookId, [...(taken.get(each.webhookId) ?? []), id]);
            id += 1;
          }
          expect(run.lanes.counts().records).toBeLessThanOrEqual(12);
        }
        while (run.open.size > 0) await run.endAll();
        for (const ids of taken.values()) expect(run.begun.filter((one) => ids.includes(one))).toEqual(ids);
        expect(run.begun).toHaveLength([...taken.values()].flat().length);
      }),
      { numRuns: 100 },
    );
  });
});
