import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.js';

// kafkajs's own, as the second opinion.
const theirs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C/index.js');

describe('CRC-32C', () => {
  it('is that of the catalogue of CRCs', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });

  it('is what kafkajs computes, for every length and wherever the bytes lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 9 }), (bytes, offset) => {
        const shifted = Buffer.concat([Buffer.alloc(offset), bytes]).subarray(offset);
        expect(crc32c(shifted)).toBe(theirs(shifted));
      }),
    );
  });
});
