import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinParts, splitParts, type PartRange } from './parts.js';
import { HEADER } from './record-headers.js';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

const reread = (parts: readonly (Buffer | PartRange)[]): Buffer[] => {
  const { value, lengths } = joinParts(parts);
  return splitParts(value, { [HEADER.parts]: lengths });
};

describe('the parts of a value', () => {
  it('come back as they went in', () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 5 }), (parts) => {
        expect(reread(parts)).toEqual(parts);
      }),
    );
  });

  it('may lie within the part before them, and take no bytes of their own then', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (call, before, data, after) => {
        const body = Buffer.concat([before, data, after]);
        const range = { offset: before.length, length: data.length };
        expect(reread([call, body, range])).toEqual([call, body, data]);
        expect(joinParts([call, body, range]).value).toHaveLength(call.length + body.length);
      }),
    );
  });

  it.each([
    ['3', '3 bytes announced, 4 there'],
    ['4,~0+5', 'no range'],
    ['4,~3', 'no range'],
    ['4,~-1+2', 'no range'],
    ['~0+1', 'no range'],
    ['x', 'holds no length'],
  ])('are refused when the header says %s', (lengths, words) => {
    expect(() => splitParts(Buffer.from('four'), { [HEADER.parts]: lengths })).toThrow(words);
  });
});
