import type { Pause } from '@switchhook/contracts';
import { migrate, openDatabase } from '@switchhook/event-store';
import { createDatabase, eventually, type TestDatabase } from '@switchhook/testing';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endpointOf, type BreakerChange, type BreakerState } from './breakers.js';
import { webhookFixture } from './delivery.fixture.js';
import { GateStore, type Gate } from './gate-store.js';
import { Gates } from './gates.js';
import { DELIVERY_MIGRATIONS } from './migrations/all.js';

const PARTITION = 3;
const HOOK = webhookFixture({ id: 1, callback: 'http://a.example/' });

let database: TestDatabase;
let connection: DataSource;

beforeAll(async () => {
  database = await createDatabase();
  await migrate({ url: database.url, schema: 'delivery', migrations: DELIVERY_MIGRATIONS });
  connection = await openDatabase({ url: database.url, applicationName: 'spec' });
});
afterAll(async () => {
  await connection?.destroy();
  await database?.drop();
});
beforeEach(() => connection.query('truncate delivery.gates'));

/** Gates of one instance whose breakers are in the state that the test says; the clock stands at `nowMs`. */
function instance(webhooks = [HOOK]) {
  const world = {
    state: 'closed' as BreakerState,
    retryAt: 50_000,
    nowMs: 1_000,
    away: false,
    recovered: [] as string[],
    withoutBurst: [] as number[],
    pause: undefined as Pause | undefined,
  };
  const store = new GateStore(connection);
  const errors: unknown[] = [];
  const gates = new Gates({
    store: {
      ofPartition: (partition) => store.ofPartition(partition),
      write: (shut, lifted) => (world.away ? Promise.reject(new Error('away')) : store.write(shut, lifted)),
    },
    breakers: {
      state: () => world.state,
      limit: () => (world.state === 'closed' ? Infinity : world.state === 'open' ? 0 : 1),
      retryAt: () => (world.state === 'closed' ? undefined : world.retryAt),
      recover: (key) => void world.recovered.push(key),
    },
    webhooks: { get: (id) => webhooks.find((webhook) => webhook.id === id), has: () => true },
    pauses: { of: () => world.pause },
    now: () => world.nowMs,
    onNoBurst: (webhookId) => void world.withoutBurst.push(webhookId),
    onError: (error) => errors.push(error),
  });
  const change = (state: BreakerState, retryAt: number): BreakerChange => {
    world.state = state;
    world.retryAt = retryAt;
    return { endpoint: endpointOf(HOOK), state, openings: 1, retryAt };
  };
  return { gates, world, errors, change };
}
const stored = (): Promise<Gate[]> => new GateStore(connection).ofPartition(PARTITION);

describe('a gate', () => {
  it('is one row, shut until the breaker tries again, and later when it opens again', async () => {
    const { gates, world, change } = instance();
    world.state = 'open';
    gates.hold(HOOK, PARTITION);
    gates.hold(HOOK, PARTITION);
    const { key } = endpointOf(HOOK);
    const gate: Gate = {
      webhookId: 1,
      partition: PARTITION,
      reason: 'circuit-open',
      endpoint: key,
      opensAt: 50_000,
      shutAt: 1_000,
    };
    await eventually(async () => expect(await stored()).toEqual([gate]));
    world.nowMs = 60_000;
    gates.follow(change('open', 90_000));
    await eventually(async () => expect(await stored()).toEqual([{ ...gate, opensAt: 90_000 }]));
    gates.follow(change('closed', 90_000));
    await eventually(async () => expect(await stored()).toEqual([]));
    expect([gates.holds(HOOK), gates.limit(HOOK)]).toEqual([undefined, Infinity]);
    expect(world.withoutBurst).toEqual([HOOK.id]);
  });

  it('is not shut for a webhook whose breaker is closed', async () => {
    const { gates } = instance();
    gates.hold(HOOK, PARTITION);
    await gates.write();
    expect(await stored()).toEqual([]);
  });

  it('holds the webhook back for the next owner, who knows of no breaker: until its time nothing, then one', async () => {
    const before = instance();
    before.world.state = 'open';
    before.gates.hold(HOOK, PARTITION);
    await before.gates.revoke(PARTITION);
    expect(before.gates.limit({ ...HOOK })).toBe(0);
    const after = instance();
    await after.gates.assign(PARTITION);
    expect([after.gates.holds(HOOK), after.gates.limit(HOOK)]).toEqual(['circuit-open', 0]);
    after.gates.liftPassed();
    expect(after.gates.limit(HOOK)).toBe(0);
    after.world.nowMs = 50_000;
    expect(after.gates.limit(HOOK)).toBe(1);
    after.gates.liftPassed();
    expect(after.world.withoutBurst).toEqual([HOOK.id]);
    expect([after.gates.holds(HOOK), after.world.recovered]).toEqual([undefined, [endpointOf(HOOK).key]]);
    await eventually(async () => expect(await stored()).toEqual([]));
  });

  it('is the next owner’s after the partition has gone: the one before writes nothing more', async () => {
    const before = instance();
    before.world.state = 'open';
    before.gates.hold(HOOK, PARTITION);
    await before.gates.revoke(PARTITION);
    before.gates.follow(before.change('closed', 0));
    await before.gates.write();
    expect(await stored()).toHaveLength(1);
  });

  it('holds back a webhook that is over its rate until nothing of it is parked, also at the next owner, who is told', async () => {
    const limited = { ...HOOK, rateLimit: { perSecond: 1, burst: 1 } };
    const before = instance([limited]);
    before.gates.limitRate(limited, PARTITION);
    expect([before.gates.holds(limited), before.gates.limit(limited)]).toEqual(['rate-limited', Infinity]);
    before.gates.liftPassed();
    await before.gates.revoke(PARTITION);
    const after = instance([limited]);
    await after.gates.assign(PARTITION);
    expect([after.gates.holds(limited), after.world.withoutBurst]).toEqual(['rate-limited', [1]]);
    expect(after.gates.holds(HOOK)).toBe(undefined);
    after.gates.drained(limited.id);
    expect(after.gates.holds(limited)).toBe(undefined);
    await eventually(async () => expect(await stored()).toEqual([]));
  });

  it('does not hold a webhook that calls another endpoint now, and is lifted', async () => {
    const moved = { ...HOOK, callback: 'http://b.example/' };
    const { gates, world } = instance([moved]);
    world.state = 'open';
    gates.hold(HOOK, PARTITION);
    world.state = 'closed';
    expect([gates.holds(moved), gates.limit(moved)]).toEqual([undefined, Infinity]);
    gates.liftPassed();
    await gates.write();
    expect(await stored()).toEqual([]);
  });

  it('holds back a webhook that is paused, as one row, and is lifted when it is resumed: it begins slowly', async () => {
    const { gates, world } = instance();
    world.pause = { since: 500, by: '1', role: 'platform' };
    expect([gates.holds(HOOK), gates.limit(HOOK)]).toEqual(['paused', 0]);
    expect(gates.times(HOOK, 'paused')).toEqual({ since: 500 });
    gates.hold(HOOK, PARTITION);
    gates.hold(HOOK, PARTITION);
    gates.liftPassed();
    await gates.write();
    expect(await stored()).toMatchObject([{ webhookId: 1, reason: 'paused', shutAt: 500 }]);
    world.pause = undefined;
    gates.liftPassed();
    expect([gates.holds(HOOK), gates.limit(HOOK), world.recovered]).toEqual([
      undefined,
      Infinity,
      [endpointOf(HOOK).key],
    ]);
    await gates.write();
    expect(await stored()).toEqual([]);
  });

  it('of a webhook that was resumed while nobody owned its partition is lifted by the next owner', async () => {
    const before = instance();
    before.world.pause = { since: 500, by: '1', role: 'platform' };
    before.gates.hold(HOOK, PARTITION);
    await before.gates.revoke(PARTITION);
    const after = instance();
    await after.gates.assign(PARTITION);
    expect([after.gates.limit(HOOK), after.world.recovered]).toEqual([Infinity, [endpointOf(HOOK).key]]);
    await after.gates.write();
    expect(await stored()).toEqual([]);
  });

  it('of a breaker stays as it is while its webhook is paused', async () => {
    const { gates, world } = instance();
    world.state = 'open';
    gates.hold(HOOK, PARTITION);
    world.pause = { since: 500, by: '1', role: 'platform' };
    gates.hold(HOOK, PARTITION);
    expect(gates.holds(HOOK)).toBe('paused');
    world.pause = undefined;
    gates.liftPassed();
    expect(gates.holds(HOOK)).toBe('circuit-open');
    expect(gates.times(HOOK, 'circuit-open')).toEqual({ since: 1_000, nextAttemptAt: 50_000 });
    await gates.write();
    expect(await stored()).toMatchObject([{ reason: 'circuit-open' }]);
  });

  it.each(['disabled', 'deleted'] as const)('does not hold a webhook that is %s: no call comes of it', (status) => {
    const { gates, world } = instance();
    world.pause = { since: 500, by: '1', role: 'platform' };
    world.state = 'open';
    const ended = { ...HOOK, status };
    expect([gates.holds(ended), gates.limit(ended)]).toEqual([undefined, Infinity]);
  });

  it('is written once the database is back', async () => {
    const { gates, world, errors } = instance();
    world.state = 'open';
    world.away = true;
    gates.hold(HOOK, PARTITION);
    await eventually(() => expect(errors).toHaveLength(1));
    world.away = false;
    await gates.write();
    expect(await stored()).toHaveLength(1);
  });
});
