import { LIMITS } from '@switchhook/contracts';
import { eventKey } from '@switchhook/domain';
import { LogUnavailableError, RecordTooLargeError, type OutgoingRecord, type Place } from '@switchhook/event-log';
import { HttpFault, type Actor } from '@switchhook/platform';
import { eventually } from '@switchhook/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accept, type Accepted } from './accept.js';
import { appendInTurns } from './append-in-turns.js';
import { lookUpThenAppend } from './append-new.js';
import { Intake } from './intake.js';
import { LargeRequests } from './large-requests.js';
import type { EventRequest } from './read-request.js';
import type { Wanted } from './spare-time.js';
import { Directories, webhook } from './testing/fakes.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const account7: Actor = { credentialId: 1, role: 'account', accountId: 7, anyAccount: false };
const platform: Actor = { credentialId: 2, role: 'platform', accountId: 7, anyAccount: true };

const cloudEvent = (change: object = {}) => ({
  specversion: '1.0',
  id: 'e1',
  source: 'spec',
  type: 'OutboundCall.Finished',
  data: { id: 1 },
  ...change,
});

const single = (body: string | object): EventRequest => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const batch = (...events: object[]): EventRequest => ({
  headers: { 'content-type': 'application/cloudevents-batch+json' },
  body: Buffer.from(JSON.stringify(events)),
});
const binary = (headers: Record<string, string> = {}, body = '{"id":1}'): EventRequest => ({
  headers: {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'e1',
    'ce-source': 'spec',
    'ce-type': 'OutboundCall.Finished',
    ...headers,
  },
  body: Buffer.from(body),
});

interface Options {
  readonly directories?: Directories;
  readonly append?: (records: readonly OutgoingRecord[]) => Promise<Place[]>;
  readonly known?: readonly string[];
  readonly knownFails?: Error;
  readonly waitingBytesMax?: number;
  readonly intake?: Intake;
  readonly acceptDeadlineMs?: number;
}

function start(options: Options = {}) {
  const appended: OutgoingRecord[] = [];
  const directories = options.directories ?? new Directories(webhook(1), webhook(2, { accountId: 8 }));
  const intake = options.intake ?? intakeOf(1_000);
  const names = new Set(options.known);
  const known = async () => {
    if (options.knownFails) throw options.knownFails;
    return names;
  };
  const append = lookUpThenAppend(known, async (records, { flush }) => {
    expect(flush).toBe(true);
    await options.append?.(records);
    const from = appended.length;
    appended.push(...records);
    return records.map(({ topic }, index) => ({ topic, partition: 0, position: from + index }));
  });
  const run = accept({
    accounts: directories,
    appendNew: appendInTurns(intake, known, append),
    large: new LargeRequests(),
    onDuplicates: () => undefined,
    now: () => NOW,
    limits: {
      acceptDeadlineMs: options.acceptDeadlineMs ?? 30,
      waitingBytesMax: options.waitingBytesMax ?? 1_000_000_000,
    },
  });
  return { appended, names, directories, run };
}

const intakeOf = (allMax: number) =>
  new Intake({ allMax, accountMax: 10, spare: { noteSmall: () => undefined, mayTake: () => true } });

async function faultOf(answer: Promise<Accepted>): Promise<HttpFault> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpFault)) throw new Error(`Expected a refusal, got ${String(error)}`);
  return error;
}

describe('POST /v2/events takes', () => {
  it.each([
    ['one event in structured mode', single(cloudEvent())],
    ['one event in binary mode', binary()],
    ['a batch', batch(cloudEvent())],
  ])('%s, for the acting account', async (_, request) => {
    const { run, appended } = start();
    expect(await run(request, account7)).toEqual({ accepted: 1, duplicates: 0 });
    expect(appended).toHaveLength(1);
    expect(appended[0]).toMatchObject({ topic: 'events.v1', key: '7:e1', value: Buffer.from('{"id":1}') });
    expect(appended[0]!.headers).toMatchObject({ ce_accountid: '7', ce_time: '2026-01-02T03:04:05.678Z' });
  });

  it('data as its bytes: integers beyond 2^53, spaces and escapes stay', async () => {
    const { run, appended } = start();
    const data = '{ "id" : 7420017300281076000, "a": "\\u00e9\\/" }';
    await run(
      single(`{"specversion":"1.0","id":"e1","source":"s","type":"OutboundCall.Finished","data":${data}}`),
      account7,
    );
    await run(binary({ 'ce-id': 'e2' }, data), account7);
    expect(appended.map(({ value }) => value?.toString())).toEqual([data, data]);
  });

  it('attributes of binary mode with their percent-encoding undone', async () => {
    const { run, appended } = start();
    await run(binary({ 'ce-subject': 'caf%C3%A9%20%E2%82%AC' }), account7);
    expect(appended[0]).toMatchObject({ key: '7:café €', headers: { ce_subject: 'café €' } });
  });

  it('events for any existing account from the platform credential', async () => {
    const { run, appended } = start();
    await run(batch(cloudEvent({ accountid: '8' }), cloudEvent()), platform);
    expect(appended.map(({ headers }) => headers['ce_accountid'])).toEqual(['8', '7']);
  });

  it('an event for an account that the directories know only when they are read to their ends', async () => {
    const directories = new Directories();
    directories.announced.push(webhook(1));
    const { run } = start({ directories });
    expect(await run(single(cloudEvent()), account7)).toEqual({ accepted: 1, duplicates: 0 });
  });
});

describe('duplicates', () => {
  it('earlier in the batch, or known already, are counted and not appended again', async () => {
    const { run, appended } = start({ known: [eventKey(7, 'spec', 'old')] });
    const request = batch(cloudEvent(), cloudEvent({ data: 2 }), cloudEvent({ id: 'old' }), cloudEvent({ id: 'e2' }));
    expect(await run(request, account7)).toEqual({ accepted: 2, duplicates: 2 });
    expect(appended.map(({ headers }) => headers['ce_id'])).toEqual(['e1', 'e2']);
  });

  it('are found however far apart they stand in a batch', async () => {
    const { run, appended } = start({ acceptDeadlineMs: 5_000, intake: intakeOf(1_000) });
    const events = Array.from({ length: 180 }, (_, n) => cloudEvent({ id: `e${n % 90}` }));
    expect(await run(batch(...events), account7)).toEqual({ accepted: 90, duplicates: 90 });
    expect(appended).toHaveLength(90);
  });

  it('are told apart by account and source, and every event of any batch is appended once or was known', async () => {
    const events = fc.array(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c'),
        source: fc.constantFrom('s', 't'),
        accountid: fc.constantFrom('7', '8'),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(events, fc.boolean(), async (sent, oneKnown) => {
        const known = oneKnown ? [eventKey(7, 's', 'a')] : [];
        const { run, appended } = start({ known });
        const answer = await run(batch(...sent.map(cloudEvent)), platform);
        const names = new Set(sent.map(({ id, source, accountid }) => eventKey(Number(accountid), source, id)));
        for (const name of known) names.delete(name);
        const got = appended.map(({ headers: h }) =>
          eventKey(Number(h['ce_accountid']), `${h['ce_source']}`, `${h['ce_id']}`),
        );
        expect(got.toSorted()).toEqual([...names].sort());
        expect(answer).toEqual({ accepted: names.size, duplicates: sent.length - names.size });
      }),
    );
  });
});

describe('POST /v2/events refuses', () => {
  const big = 'x'.repeat(300 * 1024);
  it.each<[string, EventRequest, number, string, number | undefined]>([
    ['malformed JSON', single('{"id":'), 400, 'event', undefined],
    ['JSON that is no object', single('[]'), 400, 'event', undefined],
    ['an unknown resource', single(cloudEvent({ type: 'Fax.Finished' })), 400, 'type', undefined],
    [
      'an event that the resource has not',
      single(cloudEvent({ type: 'OutboundCall.Started' })),
      400,
      'type',
      undefined,
    ],
    ['an event without id', single(cloudEvent({ id: undefined })), 400, 'id', undefined],
    ['an event without data', single(cloudEvent({ data: undefined })), 400, 'data', undefined],
    ['binary mode without a body', binary({}, ''), 400, 'data', undefined],
    ['binary data that is no JSON', binary({}, '{]'), 400, 'data', undefined],
    ['binary data that is no text', binary({ 'content-type': 'application/json' }, '\ud800"'), 400, 'data', undefined],
    ['an attribute that is no percent-encoding', binary({ 'ce-subject': '%E2%82' }), 400, 'subject', undefined],
    ['an account id that is none', single(cloudEvent({ accountid: '1e3' })), 400, 'accountid', undefined],
    ['data of 300 KB', single(cloudEvent({ data: big })), 413, 'data', undefined],
    ['data of 300 KB in a batch', batch(cloudEvent(), cloudEvent({ id: 'e2', data: big })), 413, 'data', 1],
    ['binary data of 300 KB', binary({}, JSON.stringify(big)), 413, 'data', undefined],
    ['an account of somebody else', single(cloudEvent({ accountid: '8' })), 403, 'accountid', undefined],
    ['a batch with one bad event', batch(cloudEvent(), cloudEvent({ type: 'x' }), cloudEvent()), 400, 'type', 1],
    ['what only we say of webhooks', single(cloudEvent({ type: 'Webhook.Disabled' })), 400, 'type', undefined],
    ['that in a batch', batch(cloudEvent(), cloudEvent({ type: 'Webhook.Exhausted' })), 400, 'type', 1],
    ['an empty batch', batch(), 400, 'events', undefined],
    ['a batch that is no array', { ...batch(), body: Buffer.from('{}') }, 400, 'events', undefined],
    ['data that is nested 10,000 deep', single(nested(10_000)), 400, 'event', undefined],
    [
      'a batch that is nested 100,000 deep',
      { ...batch(), body: Buffer.from('['.repeat(100_000)) },
      400,
      'events',
      undefined,
    ],
  ])('%s, names the field, and appends nothing', async (_, request, status, field, index) => {
    const { run, appended } = start();
    const fault = await faultOf(run(request, account7));
    expect(fault.status).toBe(status);
    expect(fault.details.faults?.[0]).toMatchObject({ field, ...(index !== undefined && { index }) });
    expect(fault.message.startsWith(field)).toBe(true);
    expect(fault.details.faults?.[0]?.message).not.toMatch(new RegExp(`^${field}\\b`));
    expect(appended).toEqual([]);
  });

  it('an account that does not exist', async () => {
    const { run } = start();
    const fault = await faultOf(run(single(cloudEvent({ accountid: '99' })), platform));
    expect([fault.status, fault.message]).toEqual([400, 'accountid 99 is no account']);
  });

  it('more than 1,000 events', async () => {
    const { run } = start({ acceptDeadlineMs: 5_000 });
    const events = Array.from({ length: 1_001 }, (_, id) => cloudEvent({ id: `${id}` }));
    const fault = await faultOf(run(batch(...events), account7));
    expect([fault.status, fault.message]).toEqual([413, 'events a batch holds at most 1000 events, not 1001']);
  });

  it('a request over 4 MiB', async () => {
    const { run } = start();
    const request = { ...single(''), body: Buffer.alloc(LIMITS.requestBytes + 1, ' ') };
    expect((await faultOf(run(request, account7))).status).toBe(413);
  });

  it('all faults of a batch at once, each with its index and field, in order', async () => {
    const { run } = start();
    const fault = await faultOf(
      run(
        batch(
          cloudEvent({ id: '' }),
          cloudEvent(),
          cloudEvent({ accountid: '8' }),
          cloudEvent({ data: big }),
          cloudEvent({ time: 'x' }),
        ),
        account7,
      ),
    );
    expect(fault.status).toBe(400);
    expect(fault.details.faults?.map(({ index, field }) => [index, field])).toEqual([
      [0, 'id'],
      [2, 'accountid'],
      [3, 'data'],
      [4, 'time'],
    ]);
  });

  it.each([
    ['application/json without attributes', { 'content-type': 'application/json' }],
    ['no content type at all', {}],
    ['CloudEvents in another format', { 'content-type': 'application/cloudevents+avro', 'ce-id': 'e1' }],
    ['CloudEvents in another charset', { 'content-type': 'application/cloudevents+json; charset=latin1' }],
  ])('%s with 415', async (_, headers) => {
    const { run } = start();
    expect((await faultOf(run({ headers, body: Buffer.from('{}') }, account7))).status).toBe(415);
  });
});

describe('POST /v2/events answers 503 with Retry-After', () => {
  it.each<[string, Options]>([
    ['when the log says that it is away', { append: () => Promise.reject(new LogUnavailableError('no broker')) }],
    ['when the log does not answer in time', { append: () => new Promise(() => undefined) }],
    ['when the database is away', { knownFails: new Error('Connection terminated') }],
    ['at once when too much waits for the log', { waitingBytesMax: 10 }],
  ])('%s', async (_, options) => {
    const fault = await faultOf(start(options).run(single(cloudEvent()), account7));
    expect([fault.status, fault.details.retryAfterSeconds]).toEqual([503, 1]);
  });

  it('and counts what the log still holds until it lets go of it', async () => {
    const { promise, resolve } = Promise.withResolvers<Place[]>();
    const request = single(cloudEvent());
    const { run } = start({ append: () => promise, waitingBytesMax: request.body.length * 1.5 });
    await faultOf(run(request, account7));
    expect((await faultOf(run(request, account7))).details.developerMessage).toMatch(/too much/);
    resolve([]);
    await new Promise(setImmediate);
    expect(await run(request, account7)).toEqual({ accepted: 1, duplicates: 0 });
  });
});

describe('an account that sends more than ingestion can work off', () => {
  const many = (count: number, accountid: string) =>
    batch(...Array.from({ length: count }, (_, n) => cloudEvent({ id: `${accountid}-${n}`, accountid })));

  it('waits for itself alone: its events go in as those before them are worked off, others at once', async () => {
    const intake = intakeOf(100);
    intake.assigned(0);
    const { run, appended } = start({ intake, acceptDeadlineMs: 5_000 });
    const noisy = run(many(25, '7'), platform);
    await eventually(() => expect(appended).toHaveLength(10));
    expect(await run(many(3, '8'), platform)).toEqual({ accepted: 3, duplicates: 0 });
    for (const next of [5, 10, 15, 20, 25]) {
      intake.workedOff(0, next);
      await new Promise(setImmediate);
    }
    expect(await noisy).toEqual({ accepted: 25, duplicates: 0 });
    expect(new Set(appended.map(({ headers }) => headers['ce_id'])).size).toBe(28);
  });

  it('does not keep the process from anything else while its batch is read', async () => {
    const { run } = start({ acceptDeadlineMs: 5_000, intake: intakeOf(1_000) });
    let turns = 0;
    let isRead = false;
    const others = (): void => {
      turns += 1;
      if (!isRead) setImmediate(others);
    };
    setImmediate(others);
    const answer = await run(many(500, '7'), platform).finally(() => (isRead = true));
    expect(answer).toEqual({ accepted: 500, duplicates: 0 });
    expect(turns).toBeGreaterThanOrEqual(24);
  });

  it('reads what it sends only when its turn comes, and not at all when it has its 503 by then', async () => {
    const { promise, resolve } = Promise.withResolvers<Place[]>();
    const { run, directories } = start({ append: () => promise, intake: intakeOf(1_000) });
    const asked: number[] = [];
    directories.exists = (accountId) => asked.push(accountId) > 0;
    const first = faultOf(run(many(30, '7'), platform));
    await eventually(() => expect(asked).toHaveLength(30));
    const refused = faultOf(run(many(40, '7'), platform));
    expect((await refused).status).toBe(503);
    expect(asked).toHaveLength(30);
    await first;
    resolve([]);
    const third = run(many(50, '7'), platform);
    await eventually(() => expect(asked).toHaveLength(80));
    await third;
  });

  it('does not wait for what somebody else sends in its name', async () => {
    const { promise, resolve } = Promise.withResolvers<Place[]>();
    const { run, directories } = start({ append: () => promise, intake: intakeOf(1_000), acceptDeadlineMs: 5_000 });
    const asked: number[] = [];
    directories.exists = (accountId) => asked.push(accountId) > 0;
    const stranger: Actor = { ...account7, credentialId: 3, accountId: 8 };
    const own = run(batch(...Array.from({ length: 30 }, (_, n) => cloudEvent({ id: `s${n}` }))), stranger);
    await eventually(() => expect(asked).toHaveLength(30));
    // Of account 8 as well, but in the name of 7: refused only when 8's own turn comes.
    let isRefused = false;
    const inItsName = faultOf(run(many(40, '7'), stranger)).finally(() => (isRefused = true));
    const real = run(many(50, '7'), platform);
    await eventually(() => expect(asked).toHaveLength(80));
    expect(isRefused).toBe(false);
    resolve([]);
    await Promise.all([own, real]);
    expect((await inItsName).status).toBe(403);
  });

  it('is not read to its end when it has its 503 before', async () => {
    const { run, directories } = start({ acceptDeadlineMs: 0 });
    let asked = 0;
    directories.exists = () => (asked += 1) > 0;
    expect((await faultOf(run(many(1_000, '7'), platform))).status).toBe(503);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(asked).toBe(0);
  });

  it('has a 503 after the deadline, and nothing of it goes in later', async () => {
    const intake = intakeOf(100);
    intake.assigned(0);
    const { run, appended } = start({ intake });
    expect((await faultOf(run(many(25, '7'), platform))).status).toBe(503);
    intake.workedOff(0, 10);
    await new Promise(setImmediate);
    expect(appended).toHaveLength(10);
    expect(intake.counts()).toEqual({ accounts: 0, underWay: 0 });
  });

  it('goes on where it was cut off when it sends the same again: what is known takes no turn', async () => {
    let left = 0;
    const mayTake = (_accountId: number, { count }: Wanted): boolean => {
      if (count > left) return false;
      left -= count;
      return true;
    };
    const intake = new Intake({ allMax: 100, accountMax: 10, spare: { noteSmall: () => undefined, mayTake } });
    const { run, appended, names } = start({ intake });
    for (let attempt = 0; attempt < 2; attempt++) {
      left = 10;
      expect((await faultOf(run(many(25, '7'), platform))).status).toBe(503);
      for (const { headers } of appended) names.add(eventKey(7, 'spec', String(headers['ce_id'])));
    }
    left = 10;
    expect(await run(many(25, '7'), platform)).toEqual({ accepted: 5, duplicates: 20 });
    expect(new Set(appended.map(({ headers }) => headers['ce_id'])).size).toBe(25);
  });

  it.each([10, 30])('has a 429 while more of it waits than there is room left for others: %i events', async (count) => {
    const { promise, resolve } = Promise.withResolvers<Place[]>();
    const bytes = many(count, '7').body.length;
    const { run } = start({ append: () => promise, waitingBytesMax: bytes * 2.5, acceptDeadlineMs: 5_000 });
    const first = run(many(count, '7'), platform);
    const fault = await faultOf(run(many(count, '7'), platform));
    expect([fault.status, fault.details.retryAfterSeconds]).toEqual([429, 1]);
    const other = run(many(count, '8'), platform);
    resolve([]);
    expect(await Promise.all([first, other])).toEqual(Array(2).fill({ accepted: count, duplicates: 0 }));
    // What it had waiting is not counted any more.
    for (let again = 0; again < 2; again += 1) expect((await run(many(count, '7'), platform)).accepted).toBe(count);
  });
});

it('a record that the log finds too large is a 413', async () => {
  const { run } = start({ append: () => Promise.reject(new RecordTooLargeError('events.v1', 5, 4)) });
  expect((await faultOf(run(single(cloudEvent()), account7))).status).toBe(413);
});

function nested(depth: number): string {
  const data = '['.repeat(depth) + ']'.repeat(depth);
  return `{"specversion":"1.0","id":"e1","source":"s","type":"OutboundCall.Finished","data":${data}}`;
}
