import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { partitionOf } from './partitioning.js';

const kafkajsPartition = kafkajs.Partitioners.DefaultPartitioner();

describe('the partition of a key', () => {
  it('is the one that kafkajs and Java choose, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 100 }), (bytes, count) => {
        const key = Buffer.from(bytes);
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionErrorCode: 0,
          partitionId,
          leader: 1,
          replicas: [],
          isr: [],
        }));
        const theirs = kafkajsPartition({ topic: 'any', partitionMetadata, message: { key, value: null } });
        expect(partitionOf(key, count)).toBe(theirs);
      }),
    );
  });
});
