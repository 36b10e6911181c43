import type { RecordHeaders } from '@switchhook/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partitionOf } from './partition-of.js';
import { headersBytes, headersFromText, headersToText } from './record-text.js';

const part = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const headers: fc.Arbitrary<RecordHeaders> = fc.dictionary(
  fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__'),
  fc.oneof(part, fc.array(part)),
  { noNullPrototype: true },
);

it('gives every header back as it was: text as text, bytes as bytes, repeated ones repeated', () => {
  fc.assert(
    fc.property(headers, (all) => {
      expect(headersFromText(headersToText(all))).toEqual(all);
    }),
  );
});

it('writes no NUL, which PostgreSQL text cannot hold', () => {
  expect(headersToText({ 'a\u0000': '\u0000' })).not.toContain('\u0000');
});

it('counts the bytes of names and of all values', () => {
  expect(headersBytes({ ü: 'é', b: Buffer.from([1, 2, 3]), c: ['x', Buffer.from([4])] })).toBe(2 + 2 + 1 + 3 + 1 + 2);
});

it('keeps every key in the partition that stored records of it are in', () => {
  const partitions = ['', 'a', 'b', '1:+12135551234', '42', '43', '44'].map((key) => partitionOf(Buffer.from(key), 6));
  expect(partitions).toMatchInlineSnapshot(`
    [
      2,
      2,
      1,
      4,
      0,
      5,
      2,
    ]
  `);
});

it('spreads keys over all partitions', () => {
  const counts = Array.from({ length: 6 }, () => 0);
  for (let id = 1; id <= 6_000; id += 1) counts[partitionOf(Buffer.from(String(id)), 6)]! += 1;
  for (const count of counts) expect(count).toBeGreaterThan(800);
});
