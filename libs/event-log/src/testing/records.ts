import { TOPICS, headerText } from '@switchhook/contracts';
import type { LogRecord, OutgoingRecord } from '../event-log.js';

export const INPUT = TOPICS.requested.name;
export const OUTPUT = TOPICS.signed.name;

const SEQUENCE = 'test-sequence';

/** The `sequence`-th record of `key`. */
export const numbered = (topic: string, key: string, sequence: number): OutgoingRecord => ({
  topic,
  key,
  value: Buffer.from(`${key} ${sequence}`),
  headers: { [SEQUENCE]: String(sequence) },
});

export const sequenceOf = (record: LogRecord): number => Number(headerText(record.headers, SEQUENCE));
export const keyOf = (record: LogRecord): string => record.key?.toString() ?? '';

/** `count` numbers from 0. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The sequence numbers per key, in the order of `records`. */
export function sequencesByKey(records: readonly LogRecord[]): Map<string, number[]> {
  const byKey = new Map<string, number[]>();
  for (const record of records) {
    const key = keyOf(record);
    const numbers = byKey.get(key) ?? [];
    numbers.push(sequenceOf(record));
    byKey.set(key, numbers);
  }
  return byKey;
}

/** The same without repeats: only the first of each number stays. */
export const withoutRepeats = (byKey: Map<string, number[]>): Map<string, number[]> =>
  new Map([...byKey].map(([key, numbers]) => [key, [...new Set(numbers)]]));
