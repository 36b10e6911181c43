import type { Webhook } from '@switchhook/contracts';
import type { LogRecord } from '@switchhook/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedBatch } from './accepted-names.js';
import { ingestAhead } from './ingest-ahead.js';
import { ingest } from './ingest.js';
import {
  ClaimsInMemory,
  CountersInMemory,
  Directories,
  NamesInMemory,
  eventRecordAt,
  webhook,
} from './testing/fakes.js';

const NOW = 1_700_000_100_000;

function start(
  directories: Directories,
  isOver = (_accountId: number) => false,
  accounts: Pick<Directories, 'exists' | 'reachEnd'> = directories,
) {
  const names = new NamesInMemory();
  const counters = new CountersInMemory();
  const workedOff: NamedBatch[] = [];
  const known = { receivers: directories, accounts, rates: { isOver }, counters, now: () => NOW };
  const ahead = ingestAhead({ ...known, workedOff: (batch) => workedOff.push(batch) });
  const later = ingest({ ...known, names, claims: new ClaimsInMemory() });
  return {
    counters,
    workedOff,
    ahead: (records: readonly LogRecord[], areNamed = true) =>
      ahead({ topic: 'events.v1', partition: 0, records, areNamed }),
    later: (records: readonly LogRecord[]) => later({ partition: 0, records }),
  };
}

describe('events that are about to be appended with their names', () => {
  it('cause at once what they would cause when they are there, or nothing at once', async () => {
    const headersOf = (type: string, accountId: number) => ({
      ...eventRecordAt(0).headers,
      ce_type: type,
      ce_accountid: String(accountId),
    });
    const mostly = <T>(usual: T, ...others: T[]) =>
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(usual) },
        { weight: 1, arbitrary: fc.constantFrom(usual, ...others) },
      );
    const event = fc.record({
      type: mostly('OutboundCall.Finished', 'OutboundText.Finished', 'nonsense'),
      accountId: mostly(7, 8, 9),
      hasKey: mostly(true, false),
    });
    const hook = fc.record({
      accountId: mostly(7, 8),
      singleUse: mostly(false, true),
      resource: mostly<Webhook['resource']>('OutboundCall', 'OutboundText'),
      status: mostly<Webhook['status']>('enabled', 'disabled', 'deleted'),
    });
    let atOnce = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 6 }),
        fc.array(hook, { maxLength: 6 }),
        fc.nat(20),
        async (events, hooks, rate) => {
          const directories = (): Directories =>
            new Directories(...hooks.map((change, index) => webhook(index + 1, change)));
          const limited = () => {
            let left = rate;
            return start(directories(), () => left-- <= 0);
          };
          const records = events.map(({ type, accountId, hasKey }, index) => {
            const record = eventRecordAt(index, {
              headers: { ...headersOf(type, accountId), ce_id: `event-${index}` },
            });
            return hasKey ? { ...record, key: Buffer.from(`${accountId}:call-1`) } : record;
          });
          const ahead = limited();
          const handled = ahead.ahead(records);
          if (!handled) return;
          atOnce += 1;
          const later = limited();
          expect(handled.outputs).toEqual(await later.later(records));
          expect(ahead.counters.seen).toEqual([]);
          handled.appended();
          expect(ahead.counters.seen).toEqual(later.counters.seen);
        },
      ),
      { numRuns: 500 },
    );
    expect(atOnce).toBeGreaterThan(100);
  });

  it('are worked off when they are there: then nobody asks for their names any more', () => {
    const { ahead, workedOff } = start(new Directories(webhook(1)));
    const handled = ahead([eventRecordAt(4), eventRecordAt(5)]);
    expect(workedOff).toEqual([]);
    handled?.appended();
    expect(workedOff).toMatchObject([{ partition: 0, finishedBefore: 4, events: [{ position: 4 }, { position: 5 }] }]);
  });
});

describe('nothing is said at once', () => {
  const record = eventRecordAt(0);

  it('of events without names: another may have had the name before', () => {
    expect(start(new Directories(webhook(1))).ahead([record], false)).toBeUndefined();
  });

  it('while the directory is not read to its end', () => {
    const directories = new Directories(webhook(1));
    directories.ready = false;
    expect(start(directories).ahead([record])).toBeUndefined();
  });

  it('of an event that nobody wants, as far as is known', () => {
    const directories = new Directories(webhook(1, { events: ['Other'] }));
    expect(start(directories).ahead([record])).toBeUndefined();
  });

  it('of an event of an account that is not known, or not known yet', () => {
    const unknown = { exists: () => false, reachEnd: async () => undefined };
    expect(start(new Directories(webhook(1)), undefined, unknown).ahead([record])).toBeUndefined();
  });

  it('of an event that a webhook would claim', () => {
    expect(start(new Directories(webhook(1), webhook(2, { singleUse: true }))).ahead([record])).toBeUndefined();
  });

  it('of an event that cannot be read, nor of those beside it', () => {
    const unreadable = eventRecordAt(1, { headers: {} });
    expect(start(new Directories(webhook(1))).ahead([record, unreadable])).toBeUndefined();
  });

  it('of an event under another key than its own', () => {
    const { ahead, counters } = start(new Directories(webhook(1)));
    expect(ahead([eventRecordAt(0, { key: Buffer.from('7:other') })])).toBeUndefined();
    expect(counters.seen).toEqual([]);
  });
});
