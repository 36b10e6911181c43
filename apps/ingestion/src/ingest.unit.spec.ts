import { HEADER, headerText, splitParts } from '@switchhook/contracts';
import { deliveryId, eventKey, parseAttributes, readAttemptIds } from '@switchhook/domain';
import { HoldError, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

function start(directories: Directories, rates = { isOver: (_accountId: number) => false }) {
  const names = new NamesInMemory();
  const claims = new ClaimsInMemory();
  const counters = new CountersInMemory();
  const run = ingest({ receivers: directories, accounts: directories, names, claims, rates, counters, now: () => NOW });
  return { names, claims, counters, run: (...records: LogRecord[]) => run({ partition: 0, records }) };
}

const attributesOf = ({ headers }: Pick<OutgoingRecord, 'headers'>) =>
  parseAttributes(headerText(headers, HEADER.attributes)!);

const withHeader = (name: string, value: string | undefined): Partial<LogRecord> => {
  const { [name]: _, ...headers } = eventRecordAt(0).headers;
  return { headers: value === undefined ? headers : { ...headers, [name]: value } };
};

describe('an event with receivers', () => {
  it('becomes one request per receiver: named, addressed, with the bytes of its data', async () => {
    const { run } = start(new Directories(webhook(1), webhook(2), webhook(3, { events: ['Other'] })));
    const record = eventRecordAt(5);
    const requests = await run(record);
    const key = eventKey(7, 'spec', 'event-5');
    expect(requests.map((each) => [each.topic, each.key])).toEqual([
      ['deliveries.requested.v1', '1'],
      ['deliveries.requested.v1', '2'],
    ]);
    expect(requests.map(({ value }) => value)).toEqual([record.value, record.value]);
    expect(readAttemptIds(requests[1]!.headers)).toEqual({
      accountId: 7,
      eventKey: key,
      deliveryId: deliveryId(key, 2),
      webhookId: 2,
      webhookVersion: 3,
      run: 0,
      number: 1,
      deferrals: 0,
      acceptedAt: record.appendedAtMs,
      origin: '0:5',
    });
    expect(requests[1]!.headers).toMatchObject({ [HEADER.kind]: 'request' });
    expect(attributesOf(requests[1]!)).toMatchObject({ id: 'event-5', subject: 'call-1' });
  });

  it('is requested on the bulk topic where its account is over its rate, delivery by delivery', async () => {
    let left = 3;
    const rates = { isOver: (accountId: number) => accountId === 7 && left-- <= 0 };
    const { run } = start(new Directories(webhook(1), webhook(2), webhook(3, { accountId: 8 })), rates);
    const requests = await run(eventRecordAt(0), eventRecordAt(1));
    expect(requests.map(({ topic }) => topic)).toEqual([
      'deliveries.requested.v1',
      'deliveries.requested.v1',
      'deliveries.requested.v1',
      'deliveries.requested.bulk.v1',
    ]);
  });

  it('never takes the bulk topic to a webhook that keeps the order of subjects', async () => {
    const { run } = start(new Directories(webhook(1, { ordering: 'key' })), { isOver: () => true });
    expect((await run(eventRecordAt(0))).map(({ topic }) => topic)).toEqual(['deliveries.requested.v1']);
  });

  it('goes to a disabled webhook, not to an expired, spent or deleted one, nor to one of another account', async () => {
    const { run } = start(
      new Directories(
        webhook(1, { status: 'disabled' }),
        webhook(2, { status: 'spent' }),
        webhook(3, { status: 'deleted' }),
        webhook(4, { expiresAt: eventRecordAt(5).appendedAtMs }),
        webhook(5, { accountId: 8 }),
      ),
    );
    expect((await run(eventRecordAt(5))).map(({ key }) => key)).toEqual(['1']);
  });

  it('costs one statement and no look at the ends of the directories', async () => {
    const directories = new Directories(webhook(1));
    const { run, names, claims } = start(directories);
    await run(eventRecordAt(0), eventRecordAt(1));
    expect([names.statements, claims.statements, directories.endsAsked]).toEqual([1, 0, 0]);
  });

  it('carries on the trace that it came with, and begins one of its own name otherwise', async () => {
    const { run } = start(new Directories(webhook(1)));
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const traced = eventRecordAt(1, withHeader('ce_traceparent', `00-${trace}-b7ad6b7169203331-00`), 'x');
    const [continued, begun] = await run(traced, eventRecordAt(2));
    expect(continued!.headers[HEADER.traceparent]).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    const own = eventKey(7, 'spec', 'event-2').replaceAll('-', '');
    expect(begun!.headers[HEADER.traceparent]).toMatch(new RegExp(`^00-${own}-[0-9a-f]{16}-01$`));
  });
});

describe('a webhook with singleUse', () => {
  const keysOf = (outputs: readonly OutgoingRecord[]) =>
    outputs.map((output) => {
      const { topic, key } = output;
      return [topic, topic === 'deliveries.requested.v1' ? key : attributesOf(output).id];
    });

  it('gets its first event alone, again when that is re-read, and the others go on without it', async () => {
    const { run } = start(new Directories(webhook(1, { singleUse: true }), webhook(2)));
    const expected = [
      ['deliveries.requested.v1', '1'],
      ['deliveries.requested.v1', '2'],
      ['deliveries.requested.v1', '2'],
    ];
    expect(keysOf(await run(eventRecordAt(0), eventRecordAt(1)))).toEqual(expected);
    expect(keysOf(await run(eventRecordAt(0), eventRecordAt(1)))).toEqual(expected);
  });

  it('leaves a later event that only it would have taken unmatched', async () => {
    const { run } = start(new Directories(webhook(1, { singleUse: true })));
    await run(eventRecordAt(0));
    expect(keysOf(await run(eventRecordAt(1)))).toEqual([['deliveries.outcomes.v1', 'event-1']]);
  });

  it('is not claimed by a duplicate of an event that came before it was made', async () => {
    const directories = new Directories(webhook(2));
    const { run, claims } = start(directories);
    await run(eventRecordAt(0, {}, 'same'));
    directories.announced.push(webhook(1, { singleUse: true }));
    await directories.reachEnd();
    await run(eventRecordAt(1, {}, 'same'));
    expect(claims.owners.size).toBe(0);
  });
});

describe('an event without receivers', () => {
  it('ends as unmatched, under its own name', async () => {
    const { run } = start(new Directories(webhook(1, { resource: 'InboundCall' })));
    const [outcome, ...more] = await run(eventRecordAt(5));
    expect(more).toEqual([]);
    expect(outcome).toMatchObject({ topic: 'deliveries.outcomes.v1', key: eventKey(7, 'spec', 'event-5') });
    expect(outcome!.headers).toMatchObject({
      [HEADER.outcome]: 'unmatched',
      [HEADER.accountId]: '7',
    });
    expect(attributesOf(outcome!)).toMatchObject({ id: 'event-5' });
    const [facts] = splitParts(outcome!.value!, outcome!.headers);
    expect(JSON.parse(facts!.toString())).toEqual({ outcome: 'unmatched', at: NOW });
  });

  it('is looked at once more when the directories have reached their ends', async () => {
    const directories = new Directories(webhook(1, { resource: 'InboundCall' }));
    directories.announced.push(webhook(2));
    const { run } = start(directories);
    expect((await run(eventRecordAt(0))).map(({ topic, key }) => [topic, key])).toEqual([
      ['deliveries.requested.v1', '2'],
    ]);
  });

  it('has the ends asked for once per batch, whatever else needs them', async () => {
    const directories = new Directories(webhook(1, { resource: 'InboundCall' }));
    const { run } = start(directories);
    const unknownAccount = eventRecordAt(2, withHeader('ce_accountid', '9'));
    const records = await run(eventRecordAt(0), eventRecordAt(1), unknownAccount);
    expect(records.map(({ topic }) => topic)).toEqual([
      'deliveries.outcomes.v1',
      'deliveries.outcomes.v1',
      'events.v1.rejected',
    ]);
    expect(directories.endsAsked).toBe(1);
  });

  it('is not judged before the directory has been read to its end', async () => {
    const directories = new Directories();
    directories.ready = false;
    const { run, names } = start(directories);
    await expect(run(eventRecordAt(0))).rejects.toThrow(HoldError);
    expect(names.statements).toBe(0);
  });
});

describe('a record that cannot be accepted', () => {
  it.each([
    ['without ce_id', 'missing-attribute', withHeader('ce_id', undefined)],
    ['with bytes that are no JSON', 'not-json', { value: Buffer.from([0xff, 0x00, 0x7b]) }],
    ['with a null value', 'no-value', { value: null }],
    ['with too much data', 'too-large', { value: Buffer.from(`"${'x'.repeat(300_000)}"`) }],
    ['of an unknown type', 'unknown-type', withHeader('ce_type', 'OutboundCall.Exploded')],
    ['for an account that does not exist', 'unknown-account', withHeader('ce_accountid', '99')],
    ['with a time that is none', 'invalid-attribute', withHeader('ce_time', 'yesterday')],
  ])('%s is kept as it came, with the reason, and those beside it go on', async (_, code, change) => {
    const { run, counters, names } = start(new Directories(webhook(1)));
    const record = eventRecordAt(1, change);
    const outputs = await run(eventRecordAt(0), record, eventRecordAt(2));
    expect(outputs.map(({ topic }) => topic)).toEqual([
      'deliveries.requested.v1',
      'events.v1.rejected',
      'deliveries.requested.v1',
    ]);
    const rejected = outputs[1]!;
    expect([rejected.key, rejected.value]).toEqual([record.key, record.value]);
    expect(rejected.headers).toMatchObject({ ...record.headers, [HEADER.offset]: '1', [HEADER.partition]: '0' });
    expect(headerText(rejected.headers, HEADER.reason)).toMatch(new RegExp(`^${code}: \\w+: `));
    expect(counters.seen.filter((each) => each !== 'wrong key').toSorted()).toEqual([
      'accepted',
      'accepted',
      `rejected ${code}`,
    ]);
    // A rejected event has no name: it may come again when its account exists.
    expect(names.places.size).toBe(2);
  });

  it('is only counted when just its key is wrong', async () => {
    const { run, counters } = start(new Directories(webhook(1)));
    await run(eventRecordAt(0, { key: null }), eventRecordAt(1, { key: Buffer.from('call-1') }));
    expect(counters.seen).toEqual(['wrong key', 'wrong key', 'accepted', 'accepted']);
  });
});

describe('a log that is read again', () => {
  it('begins at the watermark when the group has lost its place, never at the beginning', async () => {
    const { run, names } = start(new Directories(webhook(1)));
    names.watermarks.set(0, 2);
    const outputs = await run(eventRecordAt(0), eventRecordAt(1), eventRecordAt(2));
    expect(outputs.map((output) => attributesOf(output).id)).toEqual(['event-2']);
  });

  it('requests every delivery of every event under one name, whatever is repeated, cut, lost or read again', async () => {
    const logs = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });
    // How many records each batch has, whether what it caused is lost in a crash, and how far the group falls back.
    const reads = fc.array(fc.record({ size: fc.integer({ min: 1, max: 8 }), crash: fc.boolean(), back: fc.nat(5) }));
    await fc.assert(
      fc.asyncProperty(logs, reads, async (ids, script) => {
        const { run } = start(new Directories(webhook(1), webhook(2)));
        const log = ids.map((id, position) => eventRecordAt(position, {}, `event-${id}`));
        const kept: OutgoingRecord[] = [];
        let next = 0;
        for (const { size, crash, back } of [...script, { size: log.length, crash: false, back: 0 }]) {
          if (next >= log.length) break;
          const outputs = await run(...log.slice(next, next + size));
          if (!crash) kept.push(...outputs);
          next = crash ? Math.max(0, next - back) : next + size;
        }
        if (next < log.length) kept.push(...(await run(...log.slice(next))));
        const places = new Map<string, Set<string>>();
        for (const { headers } of kept) {
          const { deliveryId: id, origin } = readAttemptIds(headers);
          places.set(id, (places.get(id) ?? new Set()).add(origin));
        }
        const wanted = new Set(ids).size * 2;
        expect(places.size).toBe(wanted);
        // Always from the first place of the event: a repeat elsewhere requests nothing.
        for (const origins of places.values()) expect(origins.size).toBe(1);
        const firsts = new Set(ids.map((id) => `0:${ids.indexOf(id)}`));
        expect(new Set([...places.values()].flatMap((origins) => [...origins]))).toEqual(firsts);
      }),
    );
  });
});
