import {
  DeliveriesQuerySchema,
  DeliveryPageSchema,
  EventPageSchema,
  EventsQuerySchema,
  type TelephonyEvent,
} from '@switchhook/contracts';
import { deliveryId, eventKey } from '@switchhook/domain';
import { HttpFault } from '@switchhook/platform';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOON, TestLog, anEvent, called, idsOf, openTestArchive, type TestArchive } from './archive.fixture.js';
import { explained } from './explained.js';
import { findDeliveries, type Explain } from './find-deliveries.js';
import { findEvents } from './find-events.js';

let archive: TestArchive;

/** Thirty deliveries, three to each ms; their states and webhooks by turns. Then what never became a delivery. */
beforeAll(async () => {
  archive = await openTestArchive();
  const log = new TestLog();
  for (let n = 0; n < 30; n += 1) {
    log.nowMs = NOON + Math.floor(n / 3);
    const event = numbered(n);
    const ids = idsOf(event, log.event(event), { webhookId: 5 + (n % 2) });
    log.requested(event, ids);
    if (n % 3 === 1) log.outcome(event, ids, called('succeeded', ids, 200));
    if (n % 3 === 2) log.outcome(event, ids, called('exhausted', ids, 410, { reason: 'status-410' }));
  }
  log.nowMs = NOON + 100;
  const unwanted = anEvent({ id: 'unwanted' });
  log.unmatched(unwanted, log.event(unwanted));
  log.event(numbered(3));
  log.rejected(log.event(anEvent({ id: 'stranger', accountId: 77 })), 'unknown-account');
  const headers = { 'content-type': 'application/cloudevents+json' };
  const value = Buffer.from('{"id":"half","accountid":1,"source":7}');
  log.rejected(log.append({ topic: 'events.v1', key: 'k', value, headers }), 'missing-attribute');
  log.rejected(log.append({ topic: 'events.v1', key: 'k', value: Buffer.from('{'), headers }), 'not-json');
  await archive.take(log.records);
});
afterAll(() => archive.close());

const numbered = (n: number): TelephonyEvent =>
  anEvent({
    id: `e-${n}`,
    accountId: n < 27 ? 1 : 2,
    subject: n % 5 === 0 ? undefined : `call-${n % 4}`,
    type: n % 10 === 0 ? 'OutboundCall.Finished' : 'InboundText.Finished',
    source: n % 6 === 0 ? 'switch-6' : 'switch-7',
  });

const HELD = { webhookOf: () => undefined, pauses: { of: () => undefined }, endpoints: { open: () => undefined } };
const explain: Explain = (delivery) => explained({ ...HELD, now: () => NOON }, delivery);
const search = (query: object, accountId = 1) =>
  findDeliveries(archive.database, explain, accountId, DeliveriesQuerySchema.parse(query));
const searchEvents = (query: object, scope = { accountId: 1, withoutAccount: false }) =>
  findEvents(archive.database, scope, EventsQuerySchema.parse(query));

/** The numbers of the events on a page. */
const numbersOf = (items: readonly { eventId: string | null }[]) =>
  items.map(({ eventId }) => Number(eventId!.slice(2)));
const upTo = (count: number, keep: (n: number) => boolean) => Array.from({ length: count }, (_, n) => n).filter(keep);

describe('a search for deliveries', () => {
  test('shows what interfaces.md says, newest first', async () => {
    const page = DeliveryPageSchema.parse(await search({ limit: '2', webhookId: '5' }));
    const key = eventKey(1, 'switch-7', 'e-26');
    expect(page.items[0]).toEqual({
      id: deliveryId(key, 5),
      eventId: 'e-26',
      source: 'switch-7',
      eventType: 'InboundText.Finished',
      subject: 'call-2',
      accountId: 1,
      webhookId: 5,
      status: 'exhausted',
      attemptCount: 1,
      createdAt: NOON + 8,
      nextAttemptAt: null,
      finishedAt: NOON + 1008,
      reason: 'status-410',
      explanation: null,
    });
    expect(page.items[1]).toMatchObject({ eventId: 'e-24', status: 'pending', attemptCount: 0, finishedAt: null });
  });

  test.each([1, 2, 4, 26, 27, 500])('shows each delivery once, page after page of %i', async (limit) => {
    for (const filter of [{}, { status: ['pending', 'exhausted'] }]) {
      const seen: string[] = [];
      const times: number[] = [];
      let cursor: string | null = null;
      do {
        const page = await search({ ...filter, limit: String(limit), ...(cursor && { cursor }) });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ id }) => id));
        times.push(...page.items.map(({ createdAt }) => createdAt));
        cursor = page.nextCursor;
      } while (cursor);
      expect(seen).toHaveLength('status' in filter ? 18 : 27);
      expect(new Set(seen).size).toBe(seen.length);
      expect(times).toEqual([...times].sort((a, b) => b - a));
    }
  });

  const own = (n: number) => n < 27;
  test.each<[object, (n: number) => boolean]>([
    [{ webhookId: '6' }, (n) => n % 2 === 1],
    [{ eventId: 'e-7' }, (n) => n === 7],
    [{ eventId: 'e-7', source: 'switch-6' }, () => false],
    [{ eventId: 'e-6', source: 'switch-6' }, (n) => n === 6],
    [{ eventType: 'OutboundCall.Finished' }, (n) => n % 10 === 0],
    [{ subject: 'call-1' }, (n) => n % 5 !== 0 && n % 4 === 1],
    [{ status: 'succeeded' }, (n) => n % 3 === 1],
    [{ status: ['succeeded', 'exhausted'], webhookId: '5' }, (n) => n % 3 !== 0 && n % 2 === 0],
    [{ status: ['deferred', 'expired'] }, () => false],
    [{ from: String(NOON + 2), to: String(NOON + 4) }, (n) => n >= 6 && n < 12],
  ])('finds what %o asks for, and nothing else', async (query, wanted) => {
    const { items, nextCursor } = await search(query);
    expect(numbersOf(items).sort((a, b) => a - b)).toEqual(upTo(27, (n) => own(n) && wanted(n)));
    expect(nextCursor).toBeNull();
  });

  test('never shows another account', async () => {
    expect(numbersOf((await search({}, 2)).items).sort()).toEqual([27, 28, 29]);
    expect((await search({}, 3)).items).toEqual([]);
    const { nextCursor } = await search({ limit: '5' });
    const page = await search({ cursor: nextCursor }, 2);
    expect(page.items.every(({ accountId }) => accountId === 2)).toBe(true);
  });

  test.each(['x', 'W10', Buffer.from('[1,"x"]').toString('base64url'), Buffer.from('[null]').toString('base64url')])(
    'refuses the cursor %s',
    async (cursor) => {
      await expect(search({ cursor })).rejects.toThrow(HttpFault);
      await expect(search({ cursor })).rejects.toThrow(/^cursor /);
    },
  );
});

describe('a search for events', () => {
  test('shows an event once with its deliveries, however often it came', async () => {
    const { items } = EventPageSchema.parse(await searchEvents({ eventId: 'e-3' }));
    expect(items).toEqual([
      {
        id: 'e-3',
        source: 'switch-7',
        type: 'InboundText.Finished',
        subject: 'call-3',
        accountId: 1,
        time: Date.UTC(2026, 10, 22, 11, 59, 59, 500),
        acceptedAt: NOON + 1,
        status: 'accepted',
        reason: null,
        deliveryIds: [deliveryId(eventKey(1, 'switch-7', 'e-3'), 6)],
      },
    ]);
  });

  test('shows what nobody wanted and what was refused, as far as it could be read', async () => {
    const { items } = await searchEvents({ status: ['unmatched', 'rejected'] });
    expect(items.map(({ id, status, reason, source }) => [id, status, reason, source])).toEqual([
      ['half', 'rejected', 'missing-attribute: words', '7'],
      ['unwanted', 'unmatched', null, 'switch-7'],
    ]);
    expect((await searchEvents({ status: 'rejected' }, { accountId: 77, withoutAccount: false })).items).toHaveLength(
      1,
    );
  });

  test('shows an event without a readable account to the platform only', async () => {
    const own = await searchEvents({ limit: '500' });
    const all = await searchEvents({ limit: '500' }, { accountId: 1, withoutAccount: true });
    expect(own.items.filter(({ accountId }) => accountId !== 1)).toEqual([]);
    expect(all.items).toHaveLength(own.items.length + 1);
    expect(all.items[0]).toMatchObject({ id: null, accountId: null, status: 'rejected', reason: 'not-json: words' });
  });

  test.each([1, 3, 28])('shows each event once, page after page of %i', async (limit) => {
    const seen: (string | null)[] = [];
    let cursor: string | null = null;
    do {
      const query = { limit: String(limit), ...(cursor && { cursor }) };
      const page = await searchEvents(query, { accountId: 1, withoutAccount: true });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toHaveLength(30);
    expect(new Set(seen).size).toBe(30);
  });

  test.each<[object, number]>([
    [{ type: 'OutboundCall.Finished' }, 3],
    [{ subject: 'call-1' }, 5],
    [{ source: 'switch-6' }, 5],
    [{ from: String(NOON + 2), to: String(NOON + 4) }, 6],
    [{ status: 'accepted' }, 27],
  ])('finds what %o asks for', async (query, count) => {
    expect((await searchEvents(query)).items).toHaveLength(count);
  });
});
