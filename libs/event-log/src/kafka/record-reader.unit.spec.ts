import { describe, expect, it } from 'vitest';
import { NO_PATTERN, RecordReader } from './record-reader.js';

/** A name and its value as they are on the wire, all shorter than 64 bytes. */
const header = (name: Buffer, value: string): Buffer =>
  Buffer.concat([Buffer.from([name.length * 2]), name, Buffer.from([value.length * 2]), Buffer.from(value)]);
const ONE = Buffer.from([1 * 2]);

describe('headers that resemble those before', () => {
  it('are not taken for them where a name is no UTF-8', () => {
    const wire = [ONE, header(Buffer.from('é'), '1'), ONE, header(Buffer.from([0xe9]), '2')];
    const reader = new RecordReader(Buffer.concat(wire));
    const first = reader.headers(NO_PATTERN);
    expect(first.headers).toEqual({ é: '1' });
    expect(reader.headers(first).headers).toEqual({ '\ufffd': '2' });
  });

  it('share no value with them', () => {
    const wire = [ONE, header(Buffer.from('a'), '1'), ONE, header(Buffer.from('a'), '2')];
    const reader = new RecordReader(Buffer.concat(wire));
    const first = reader.headers(NO_PATTERN);
    expect(reader.headers(first).headers).toEqual({ a: '2' });
    expect(first.headers).toEqual({ a: '1' });
  });

  it('end with an error where the record is cut off', () => {
    const wire = Buffer.concat([ONE, header(Buffer.from('a'), 'long')]);
    expect(() => new RecordReader(wire.subarray(0, wire.length - 1)).headers(NO_PATTERN)).toThrow(RangeError);
  });
});
