import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttemptIds } from '@switchhook/contracts';
import { attemptHeaders, attemptName, hasAttemptIds, readAttemptIds } from './attempt-ids.js';
import { deliveryId, eventKey, runId, uuidv5 } from './names.js';

describe('names', () => {
  it('are version 5 UUIDs as RFC 9562 computes them', () => {
    // RFC 9562, appendix A.4: www.example.com in the DNS namespace.
    expect(uuidv5('www.example.com', '6ba7b810-9dad-11d1-80b4-00c04fd430c8')).toBe(
      '2ed6657d-e927-568b-95e1-2665a8aea6a2',
    );
  });

  it('never change: they are stored', () => {
    const key = eventKey(1, 'switch-7', 'call-1');
    expect(key).toBe('21edbba8-1dcc-5dc9-8a0b-654af4137ba8');
    expect(deliveryId(key, 4321)).toBe('26543860-b63f-5896-937a-1293c09bf573');
    expect(runId('2ed6657d-e927-568b-95e1-2665a8aea6a2', deliveryId(key, 4321))).toBe(
      'dd0878fe-7e24-5393-b408-043fe073d314',
    );
  });

  it('tell accounts apart that send the same id from the same source', () => {
    expect(eventKey(1, 's', 'i')).not.toBe(eventKey(2, 's', 'i'));
    expect(eventKey(1, 's', '1')).not.toBe(eventKey(1, 's1', ''));
    expect(eventKey(1, '1', 's')).not.toBe(eventKey(11, '', 's'));
  });

  it('refuse a namespace that is no UUID', () => {
    expect(() => deliveryId('nothing', 1)).toThrow('"nothing" is not a UUID');
  });
});

const uuids = fc.uuid();
const ids = fc.record(
  {
    accountId: fc.maxSafeNat(),
    eventKey: uuids,
    deliveryId: uuids,
    webhookId: fc.maxSafeNat(),
    webhookVersion: fc.integer({ min: 1 }),
    run: fc.nat(),
    number: fc.integer({ min: 1 }),
    deferrals: fc.nat(),
    acceptedAt: fc.maxSafeNat(),
    origin: fc.tuple(fc.nat(), fc.maxSafeNat()).map(([partition, position]) => `${partition}:${position}`),
  },
  { noNullPrototype: true },
);

describe('attempt ids', () => {
  it('come back from their headers as they went in, as text and as bytes', () => {
    fc.assert(
      fc.property(ids, (given) => {
        const headers = attemptHeaders(given);
        const asBytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
        expect(readAttemptIds(headers)).toStrictEqual(given);
        expect(readAttemptIds(asBytes)).toStrictEqual(given);
      }),
    );
  });

  it('are refused without their header', () => {
    expect(() => readAttemptIds({})).toThrow('Header switchhook-ids is missing');
    expect(hasAttemptIds({})).toBe(false);
  });

  const good = fc.sample(ids, { numRuns: 1, seed: 1 })[0]!;
  it.each<[keyof AttemptIds, string]>([
    ['accountId', '-1'],
    ['accountId', '9007199254740992'],
    ['number', '0'],
    ['number', '1.5'],
    ['run', ''],
    ['run', '01'],
    ['deliveryId', 'x'],
    ['origin', '3'],
    ['deferrals', 'many'],
    ['deferrals', '1 2'],
  ])('are refused when the %s is %j', (name, text) => {
    expect(() => readAttemptIds(attemptHeaders({ ...good, [name]: text }))).toThrow('Header switchhook-ids');
  });

  it('name an attempt by delivery, run and number', () => {
    expect(attemptName({ deliveryId: 'd', run: 2, number: 3 })).toBe('d/2/3');
  });
});
