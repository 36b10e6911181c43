import { HEADER, type Webhook } from '@switchhook/contracts';
import { HoldError, type LogRecord } from '@switchhook/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signAhead } from './sign-ahead.js';
import { sign } from './sign.js';
import {
  ACCEPTED_AT,
  CountersInMemory,
  OneSecret,
  WebhooksInMemory,
  requestAt,
  webhook,
  withIds,
} from './testing/fakes.js';

const DAY_MS = 86_400_000;

function start(hooks: readonly Webhook[], { nowMs = ACCEPTED_AT + 50, keys = new OneSecret() } = {}) {
  const counters = new CountersInMemory();
  const done: number[] = [];
  const deps = { webhooks: new WebhooksInMemory(...hooks), keys, counters, now: () => nowMs };
  const ahead = signAhead(deps, (count) => done.push(count));
  return {
    counters,
    done,
    ahead: (...records: LogRecord[]) =>
      ahead({ topic: 'deliveries.requested.v1', partition: 0, records, areNamed: false }),
    later: (...records: LogRecord[]) => sign(deps)({ records }),
  };
}

describe('requests that are about to be appended', () => {
  it('become at once the calls that they would become when they are there, or nothing at once', async () => {
    const status = fc.constantFrom('enabled' as const, 'enabled' as const, 'enabled' as const, 'disabled' as const);
    const profile = fc.constantFrom('standard' as const, 'callfire-v2' as const);
    const hooks = fc.array(fc.record({ status, profile }), { minLength: 1, maxLength: 4 });
    const requests = fc.array(
      fc.record({ of: fc.nat(3), version: fc.constantFrom(1, 3, 3, 4), number: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 1, maxLength: 5 },
    );
    let atOnce = 0;
    await fc.assert(
      fc.asyncProperty(hooks, requests, async (changes, wanted) => {
        const { ahead, later, counters, done } = start(changes.map((change, index) => webhook(index + 1, change)));
        const records = wanted.map(({ of, version, number }, index) =>
          withIds(requestAt(index, (of % changes.length) + 1), { webhookVersion: version, number }),
        );
        const handled = ahead(...records);
        if (!handled) return;
        atOnce += 1;
        expect(handled.outputs).toEqual(await later(...records));
        expect(counters.refusals).toEqual([]);
        handled.appended();
        expect(done).toEqual([records.length]);
      }),
      { numRuns: 300 },
    );
    expect(atOnce).toBeGreaterThan(20);
  });
});

describe('nothing is said at once', () => {
  const request = requestAt(0, 1);

  it('of a webhook that is not known here, or not in this version yet', () => {
    expect(start([]).ahead(request)).toBeUndefined();
    expect(start([webhook(1, { version: 2 })]).ahead(request)).toBeUndefined();
  });

  it('of a webhook of another account', () => {
    expect(start([webhook(1, { accountId: 8 })]).ahead(request)).toBeUndefined();
  });

  for (const status of ['disabled', 'deleted'] as const) {
    it(`of a webhook that is ${status}: its end is for everybody to see`, () => {
      expect(start([webhook(1, { status })]).ahead(request)).toBeUndefined();
    });
  }

  it('of a delivery that is too old', () => {
    expect(start([webhook(1)], { nowMs: ACCEPTED_AT + 100 * DAY_MS }).ahead(request)).toBeUndefined();
  });

  it('while a key is being opened, and of one that cannot be', () => {
    expect(start([webhook(1)], { keys: new OneSecret([1]) }).ahead(request)).toBeUndefined();
    expect(start([webhook(1)], { keys: new OneSecret([], [1]) }).ahead(request)).toBeUndefined();
  });

  it('of one request of several: they stay together, in their order', () => {
    const { ahead } = start([webhook(1), webhook(2, { status: 'disabled' })]);
    expect(ahead(request, requestAt(1, 2))).toBeUndefined();
  });

  it('of what cannot be read; a layout to come is held, as ever', () => {
    const { ahead } = start([webhook(1)]);
    expect(ahead(requestAt(0, 1, { [HEADER.kind]: 'outcome' }))).toBeUndefined();
    expect(() => ahead(requestAt(0, 1, { [HEADER.schema]: '99' }))).toThrow(HoldError);
  });

  it('of a body that is over its limit', () => {
    expect(start([webhook(1)]).ahead(requestAt(0, 1, {}, Buffer.alloc(2_000_000, 0x20)))).toBeUndefined();
  });
});
