import { setImmediate as nextTick } from 'node:timers/promises';
import { HEADER, TOPICS } from '@switchhook/contracts';
import type { AssignedPartition, EventLog, LogRecord } from '@switchhook/event-log';
import { eventually } from '@switchhook/testing';
import { expect, it, vi } from 'vitest';
import { Breakers } from './breakers.js';
import { createDelivery } from './delivery.js';
import { signedFixture, webhookFixture } from './delivery.fixture.js';
import type { GateStore } from './gate-store.js';
import type { CallAnswer } from './http-sender.js';
import type { Schedule } from './schedule.js';

const nothing = (): undefined => undefined;
const OK: CallAnswer = { statusCode: 200, error: null, responseBody: null, abandoned: false };
const BROKEN_OFF: CallAnswer = { statusCode: null, error: null, responseBody: null, abandoned: true };

/** Delivery over a log and a database that have nothing; one call at a time, which ends when the spec says so. */
function running() {
  const calls: ((answer: CallAnswer) => void)[] = [];
  const webhook = webhookFixture({ concurrency: 1 });
  const log = {
    identity: 'log',
    publish: async () => [],
    read: async function* () {},
    unfinishedSince: async () => [undefined],
    follow: async () => ({
      caughtUp: Promise.resolve(),
      reachEnd: async () => undefined,
      close: async () => undefined,
    }),
  };
  const schedule = {
    ...{ position: async () => 0, apply: async () => true, due: async () => [], earliest: async () => null },
    ...{ parkedWebhooks: async () => [], subjects: async () => [] },
  };
  const delivery = createDelivery({
    log: log as unknown as EventLog,
    stores: {
      schedule: schedule as unknown as Schedule,
      gates: { ofPartition: async () => [], write: async () => undefined } as unknown as GateStore,
    },
    webhooks: { get: () => webhook, has: () => true },
    pauses: { of: nothing, onChange: () => nothing },
    presentedBy: nothing,
    breakers: new Breakers({
      send: () => new Promise((resolve) => calls.push(resolve)),
      now: Date.now,
      openTimeMs: () => 1_000,
    }),
    now: Date.now,
    random: () => 0.5,
    report: {
      ...{ attempted: nothing, breakerChanged: nothing, pausesChanged: nothing, scheduleLost: nothing },
      unreadable: (_record, reason) => expect.unreachable(reason),
      failed: (what, error) => expect.unreachable(`${what}: ${String(error)}`),
    },
  });
  return { delivery, calls };
}

const assignment = (): AssignedPartition => ({
  ...{ partition: 0, starts: {}, ends: {}, signal: new AbortController().signal, isSure: () => true },
});

it('what waited in its lane is called when its partition comes back before its revocation has ended', async () => {
  const { delivery, calls } = running();
  const settled: number[] = [];
  const records: readonly LogRecord[] = [1, 2, 3].map((event) => {
    const record = signedFixture(event, event, { signedAt: Date.now() });
    return { ...record, headers: { ...record.headers, [HEADER.attributes]: '{}' } };
  });
  const signal = new AbortController().signal;
  const settle = ({ position }: LogRecord): number => settled.push(position);
  const hand = () => delivery.takeSigned({ topic: TOPICS.signed.name, partition: 0, records, signal, settle });

  await delivery.onAssigned(assignment());
  await hand();
  await eventually(() => expect(calls).toHaveLength(1));
  // The call does not end at once when it is broken off, and nobody waits for that.
  const revoked = delivery.onRevoked(0, 0);
  const again = delivery.onAssigned(assignment()).then(hand);
  for (let turn = 0; turn < 50; turn++) await nextTick();
  calls[0]?.(BROKEN_OFF);
  await Promise.all([revoked, again]);
  for (const call of [1, 2, 3]) {
    await eventually(() => expect(calls).toHaveLength(call + 1));
    calls[call]?.(OK);
  }
  await eventually(() => expect(settled).toEqual([1, 2, 3]));
  await delivery.close();
});

it('goes without a wait for what its lanes had not begun', async () => {
  const { delivery, calls } = running();
  const signal = new AbortController().signal;
  const records = [1, 2, 3].map((event) => signedFixture(event, event, { signedAt: Date.now() }));
  await delivery.onAssigned(assignment());
  await delivery.takeSigned({ topic: TOPICS.signed.name, partition: 0, records, signal, settle: nothing });
  await eventually(() => expect(calls).toHaveLength(1));
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const revoked = delivery.onRevoked(0, 5_000);
    calls[0]!(OK);
    // No time passes.
    await revoked;
  } finally {
    vi.useRealTimers();
  }
  expect(calls).toHaveLength(1);
  await delivery.close();
});
