import { HEADER } from '@switchhook/contracts';
import { expect, it } from 'vitest';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { placeInOrder } from './place-in-order.js';

const headersOf = (subject?: string) => ({ [HEADER.attributes]: JSON.stringify({ subject }) });
const KEY = webhookFixture({ ordering: 'key' });

it('only the first run of an event with a subject, for a webhook that keeps the order, has a place in it', () => {
  const ids = idsFixture(1, { origin: '3:77' });
  expect(placeInOrder(KEY, ids, headersOf('call-1'))).toEqual({ subject: 'call-1', sequence: 77 });
  expect(placeInOrder(webhookFixture(), ids, headersOf('call-1'))).toBeUndefined();
  expect(placeInOrder(KEY, { ...ids, run: 1 }, headersOf('call-1'))).toBeUndefined();
  expect(placeInOrder(KEY, ids, headersOf())).toBeUndefined();
});

it('the key of a subject that is too long for an index is its hash', () => {
  const long = placeInOrder(KEY, idsFixture(1), headersOf('ü'.repeat(1_024)));
  expect(long?.subject).toHaveLength(43);
  expect(long?.subject).not.toBe(placeInOrder(KEY, idsFixture(1), headersOf('ö'.repeat(1_024)))?.subject);
});
