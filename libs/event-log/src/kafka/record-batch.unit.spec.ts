import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { RecordHeaders } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBatch, recordBytes, type WritableRecord } from './encode-batch.js';
import { decodeBatches } from './record-batch.js';

// kafkajs's own codec, as the second opinion.
const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder.js');
const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');

const SESSION = { producerId: 7n, producerEpoch: 1 };
const PLACE = { topic: 'events.v1', partition: 2, from: 0 };
const NOW = 1_764_000_000_000;

/** ASCII comes back as a string. */
const asBytes = (headers: RecordHeaders): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((one) => Buffer.from(one)) : Buffer.from(value as string),
    ]),
  );

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const headerValue = fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 }));
const headers = fc.dictionary(fc.string({ maxLength: 12, unit: 'grapheme' }), headerValue, { maxKeys: 5 });
const records = fc.array(
  fc.record({ key: fc.option(bytes), value: fc.option(bytes), headers }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 20 },
);

const moved = (batch: Buffer, baseOffset: number): Buffer => {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(baseOffset), 0);
  return copy;
};

describe('record batches', () => {
  it('come back byte for byte', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 0, max: 2 ** 40 }), (list, baseOffset) => {
        const batch = moved(encodeBatch(list, SESSION, 3, NOW), baseOffset);
        const decoded = decodeBatches(batch, PLACE);
        expect(decoded.next).toBe(baseOffset + list.length);
        expect(decoded.records.map(({ position }) => position)).toEqual(list.map((_, index) => baseOffset + index));
        expect(decoded.records.map(({ appendedAtMs }) => appendedAtMs)).toEqual(list.map(() => NOW));
        const plain = decoded.records.map(({ key, value, headers: own }) => ({ key, value, headers: asBytes(own) }));
        expect(plain).toEqual(list.map((one) => ({ ...one, headers: asBytes(one.headers) })));
      }),
    );
  });

  it('are the same bytes however much room was expected to be needed', () => {
    const value = Buffer.alloc(70, 'v');
    const long = { key: 'key', value: Buffer.alloc(9_000, 'l'), headers: { name: 'é'.repeat(30) } };
    const list: WritableRecord[] = [
      { key: 'k', value, headers: { a: 'x'.repeat(50), b: ['y', value] } },
      { key: null, value: null, headers: {} },
      long,
    ];
    const wanted = encodeBatch(list, SESSION, 3, NOW, 20_000);
    for (let expected = 0; expected <= wanted.length; expected += expected < 700 ? 1 : 97)
      expect(encodeBatch(list, SESSION, 3, NOW, expected).equals(wanted), `${expected}`).toBe(true);
  });

  it('come back byte for byte where one record resembles the next', () => {
    const some = fc.constantFrom('', 'a', 'b', '1', 'é', '\u00ff', '\ufffd', '__proto__', 'x'.repeat(70), 'toString');
    const value = fc.oneof(
      some,
      some.map(Buffer.from),
      fc.constant(Buffer.from([0xe9])),
      fc.constant(Buffer.from([0xff])),
    );
    const alike = fc.array(
      fc.dictionary(some, fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 2 })), { maxKeys: 3 }),
    );
    fc.assert(
      fc.property(alike, (list) => {
        const batch = encodeBatch(
          list.map((one) => ({ key: null, value: null, headers: one })),
          SESSION,
          0,
          NOW,
        );
        const decoded = decodeBatches(batch, PLACE).records.map((record) => asBytes(record.headers));
        expect(decoded).toEqual(list.map(asBytes));
      }),
    );
  });

  // Where the length of a record's length changes, and with room in the writer for exactly as much, less and more.
  it.each([48, 8_176, 1_048_560])('come back byte for byte with values of about %i bytes', (about) => {
    for (let length = about; length < about + 24; length += 1) {
      const value = Buffer.alloc(length, length);
      const list = [value, value].map((one) => ({ key: null, value: one, headers: {} }));
      const batch = encodeBatch(list, SESSION, 0, NOW, 2 * length + (length % 12));
      expect(decodeBatches(batch, PLACE).records.every((one) => one.value?.equals(value))).toBe(true);
      expect(batch.readInt32BE(8)).toBe(batch.length - 12);
    }
  });

  it('are what kafkajs reads too', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (list) => {
        const theirs = await decodeTheirs(new Decoder(encodeBatch(list, SESSION, 3, NOW)));
        expect(theirs.producerId).toBe('7');
        expect(theirs.firstSequence).toBe(3);
        expect(theirs.records.map((one: WritableRecord) => one.value)).toEqual(list.map(({ value }) => value));
        expect(theirs.records.map((one: WritableRecord) => one.key)).toEqual(list.map(({ key }) => key));
      }),
    );
  });

  it('say where to go on when compaction has left no record in them', () => {
    const emptied = encodeBatch([{ key: null, value: null, headers: {} }], SESSION, 0, NOW).subarray(0, 61);
    const batch = moved(emptied, 100);
    batch.writeInt32BE(61 - 12, 8);
    batch.writeInt32BE(41, 23);
    batch.writeInt32BE(0, 57);
    expect(decodeBatches(batch, { ...PLACE, from: 90 })).toMatchObject({ records: [], next: 142 });
  });

  it('leave a batch that was cut off for the next fetch', () => {
    const list = [{ key: Buffer.from('k'), value: Buffer.from('value'), headers: {} }];
    const whole = encodeBatch(list, SESSION, 0, NOW);
    const second = moved(whole, 1);
    const cut = Buffer.concat([whole, second.subarray(0, second.length - 1)]);
    expect(decodeBatches(cut, PLACE)).toMatchObject({ next: 1, records: [{ position: 0 }] });
  });

  it('skip what lies before the position that was asked', () => {
    const list = ['a', 'b', 'c'].map((key) => ({ key: Buffer.from(key), value: null, headers: {} }));
    const { records: found, next } = decodeBatches(encodeBatch(list, SESSION, 0, NOW), { ...PLACE, from: 2 });
    expect(found.map(({ key }) => String(key))).toEqual(['c']);
    expect(next).toBe(3);
  });

  it('leave out control records and those of aborted transactions, and no others', () => {
    const one = (value: string, baseOffset: number, attributes: number): Buffer => {
      const batch = moved(
        encodeBatch([{ key: null, value: Buffer.from(value), headers: {} }], SESSION, 0, NOW),
        baseOffset,
      );
      batch.writeInt16BE(attributes, 21);
      return batch;
    };
    const log = [one('plain', 0, 0), one('aborted', 1, 0x10), one('', 2, 0x30), one('kept', 3, 0x10), one('', 4, 0x30)];
    const { records: found, next } = decodeBatches(Buffer.concat(log), PLACE, [{ producerId: 7, firstOffset: 1 }]);
    expect(found.map(({ value }) => String(value))).toEqual(['plain', 'kept']);
    expect(next).toBe(5);
  });

  it('are read when a producer has compressed them', () => {
    const plain = encodeBatch([{ key: null, value: Buffer.alloc(1_000, 'x'), headers: {} }], SESSION, 0, NOW);
    const packed = Buffer.concat([plain.subarray(0, 61), gzipSync(plain.subarray(61))]);
    packed.writeInt32BE(packed.length - 12, 8);
    packed.writeInt16BE(1, 21);
    expect(decodeBatches(packed, PLACE).records[0]?.value?.length).toBe(1_000);
  });
});

describe('the size of a record', () => {
  it('counts key, value and headers, in bytes', () => {
    expect(recordBytes({ key: 'ü', value: Buffer.alloc(10), headers: { a: 'é', b: ['1', Buffer.from('22')] } })).toBe(
      2 + 10 + (1 + 2) + (1 + 1) + (1 + 2),
    );
  });
});
