import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRfc3339 } from './rfc3339.js';

it('reads every moment that toISOString writes', () => {
  const moments = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  fc.assert(fc.property(moments, (moment) => parseRfc3339(moment.toISOString()) === moment.getTime()));
});

it.each([
  ['2016-07-26T13:47:10Z', 1469540830000],
  ['2016-07-26t13:47:10.377z', 1469540830377],
  ['2016-07-26T15:47:10.3779999+02:00', 1469540830377],
  ['2016-07-26T06:17:10.4-07:30', 1469540830400],
  ['2016-12-31T23:59:60Z', 1483228800000],
  ['2024-02-29T00:00:00Z', 1709164800000],
])('reads %s', (text, epochMs) => {
  expect(parseRfc3339(text)).toBe(epochMs);
});

it.each([
  '2016-07-26',
  '2016-07-26T13:47Z',
  '2016-07-26T13:47:10',
  '2016-07-26 13:47:10Z',
  '2016-13-01T00:00:00Z',
  '2023-02-29T00:00:00Z',
  '2016-07-26T24:00:00Z',
  '2016-07-26T13:47:61Z',
  '2016-07-26T13:47:10+24:00',
  '2016-07-26T13:47:10+0200',
  '1469540830377',
  'yesterday',
])('refuses %s', (text) => {
  expect(parseRfc3339(text)).toBeUndefined();
});
