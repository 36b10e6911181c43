import { HEADER, type AttemptIds } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptHeaders, hasAttemptIds, parseAttemptIds, readAttemptIds } from './attempt-ids.js';

const ids: AttemptIds = {
  accountId: 17,
  eventKey: '11111111-1111-4111-8111-111111111111',
  deliveryId: '22222222-2222-4222-8222-222222222222',
  webhookId: 5,
  webhookVersion: 3,
  run: 0,
  number: 1,
  deferrals: 0,
  acceptedAt: 1_764_000_000_000,
  origin: '2:41',
};
const textOf = (changes: Partial<AttemptIds>): string => attemptHeaders({ ...ids, ...changes })[HEADER.ids]!;
const from = (min: number) => fc.maxSafeInteger().filter((value) => value >= min);

describe('the ids of an attempt in a header', () => {
  it('come back as they were written', () => {
    const some = fc.record({
      accountId: from(0),
      eventKey: fc.uuid(),
      deliveryId: fc.uuid(),
      webhookId: from(0),
      webhookVersion: from(1),
      run: from(0),
      number: from(1),
      deferrals: from(0),
      acceptedAt: from(0),
      origin: fc.tuple(fc.nat(), fc.nat()).map(([partition, position]) => `${partition}:${position}`),
    });
    fc.assert(
      fc.property(some, (one) => {
        expect(readAttemptIds(attemptHeaders(one))).toEqual(one);
      }),
    );
  });

  it.each(['accountId', 'webhookId', 'run', 'deferrals', 'acceptedAt'] as const)('may have 0 as %s', (name) => {
    expect(parseAttemptIds(textOf({ [name]: 0 }))[name]).toBe(0);
  });

  it.each([
    ['webhook version', { webhookVersion: 0 }],
    ['number', { number: 0 }],
    ['account', { accountId: 2 ** 53 }],
    ['webhook', { webhookId: 2 ** 53 }],
    ['run', { run: 2 ** 53 }],
    ['deferrals', { deferrals: 2 ** 53 }],
    ['time of acceptance', { acceptedAt: 2 ** 53 }],
  ] as const)('are refused with a %s that cannot be, by name', (name, changes) => {
    expect(() => parseAttemptIds(textOf(changes))).toThrow(`the ${name} is out of range`);
    // Who asks first must not be told otherwise: what it then reads would hold its partition up for ever.
    expect(hasAttemptIds({ [HEADER.ids]: textOf(changes) })).toBe(false);
  });

  it('are refused when they are not ours, with the beginning of what is there instead', () => {
    const text = 'x'.repeat(300);
    expect(() => parseAttemptIds(text)).toThrow(`"${'x'.repeat(200)}"`);
    expect(() => parseAttemptIds(`${textOf({})} `)).toThrow('unreadable');
    expect(() => parseAttemptIds(textOf({ number: -1 }))).toThrow('unreadable');
    expect(() => readAttemptIds({})).toThrow(`Header ${HEADER.ids} is missing`);
    expect([hasAttemptIds({}), hasAttemptIds({ [HEADER.ids]: text }), hasAttemptIds(attemptHeaders(ids))]).toEqual([
      false,
      false,
      true,
    ]);
  });
});
