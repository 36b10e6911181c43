import { createDatabase } from '@switchhook/testing';
import { openDatabase } from '@switchhook/event-store';
import { expect, test } from 'vitest';
import { PARAMETER_TYPES, type ParameterType } from './binary-array.js';

const CASES: readonly (readonly [ParameterType, readonly unknown[], readonly (string | null)[]])[] = [
  ['integer', [0, null, -5, 2 ** 31 - 1], ['0', null, '-5', '2147483647']],
  ['bigint', [0, -1, null, 2 ** 53 - 1, -(2 ** 53 - 1)], ['0', '-1', null, '9007199254740991', '-9007199254740991']],
  ['bigint', ['9223372036854775807', '17', '-9007199254740993'], ['9223372036854775807', '17', '-9007199254740993']],
  ['double precision', [12.5, null, -0.1], ['12.5', null, '-0.1']],
  ['uuid', ['0af76519-16cd-43dd-8448-eb211c80319c', null], ['0af76519-16cd-43dd-8448-eb211c80319c', null]],
  ['uuid', ['01234567-89ab-cdef-fedc-ba9876543210'], ['01234567-89ab-cdef-fedc-ba9876543210']],
  ['text', ['', 'a"b\\{},NULL', null, 'grüße 📞'], ['', 'a"b\\{},NULL', null, 'grüße 📞']],
  ['json', ['{"a": 1.0}', null], ['{"a": 1.0}', null]],
  ['bytea', [Buffer.from([0, 255]), null, Buffer.alloc(0)], ['\\x00ff', null, '\\x']],
  ['text', [], []],
];

test('values arrive in the database as they are', async () => {
  const { url, drop } = await createDatabase();
  const database = await openDatabase({ url, applicationName: 'audit spec', poolSize: 1 });
  try {
    for (const [type, values, expected] of CASES) {
      const sql = `SELECT v::text AS text FROM unnest($1::${type}[]) WITH ORDINALITY AS u(v, n) ORDER BY n`;
      const rows = await database.query<{ text: string | null }[]>(sql, [PARAMETER_TYPES[type](values)]);
      expect(rows.map(({ text }) => text)).toEqual(expected);
    }
  } finally {
    await database.destroy();
    await drop();
  }
});
