import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { commitmentOf } from './commitment.js';

const length = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

test('is what its description says, byte for byte', () => {
  const salt = Buffer.alloc(16, 7);
  const headers = { b: ['1', Buffer.from([0xff])], a: 'é' };
  const parts = [Buffer.from('key'), '3', 'a', 'é', 'b', '1', 'b', Buffer.from([0xff])].map((part) =>
    Buffer.from(part),
  );
  const expected = createHash('sha256').update(salt);
  for (const part of parts) expected.update(length(part.length)).update(part);
  expected.update(length(0xffffffff));
  expect(commitmentOf(salt, { key: Buffer.from('key'), headers, value: null })).toEqual(expected.digest());
});

test('does not depend on the order in which headers are held', () => {
  const salt = Buffer.alloc(16);
  const one = commitmentOf(salt, { key: null, headers: { a: '1', b: '2' }, value: Buffer.from('v') });
  expect(commitmentOf(salt, { key: null, headers: { b: '2', a: '1' }, value: Buffer.from('v') })).toEqual(one);
});

test('goes by the names of this record, not of the one before', () => {
  const salt = Buffer.alloc(16);
  const of = (headers: Record<string, string>) => commitmentOf(salt, { key: null, headers, value: null });
  const one = of({ a: '1', b: '2' });
  expect(of({ b: '2', c: '3' })).toEqual(commitmentOf(salt, { key: null, headers: { c: '3', b: '2' }, value: null }));
  expect(of({ c: '1', b: '2' })).not.toEqual(one);
  expect(of({ a: '1', b: '2' })).toEqual(one);
  expect(of({ a: '1' })).not.toEqual(one);
});

test('tells an absent value from an empty one, and parts from their joining', () => {
  const of = (key: string | null, value: string | null) =>
    commitmentOf(Buffer.alloc(16), {
      key: key === null ? null : Buffer.from(key),
      headers: {},
      value: value === null ? null : Buffer.from(value),
    }).toString('hex');
  expect(new Set([of(null, null), of('', null), of(null, ''), of('', ''), of('ab', 'c'), of('a', 'bc')]).size).toBe(6);
});
