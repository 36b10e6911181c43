import type { ReadyRecord } from './commit.js';

/** A publish above this becomes several transactions, as a burst does. */
const PART_BYTES = 4 * 1024 * 1024;

/** All of them together. */
export const bytesOf = (records: readonly ReadyRecord[]): number =>
  records.reduce((sum, record) => sum + record.bytes, 0);

/** Cuts before the record with which a part would pass PART_BYTES. */
export function inParts<Record extends ReadyRecord>(records: readonly Record[]): Record[][] {
  const parts: Record[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    bytes += record.bytes;
    if (bytes > PART_BYTES) {
      parts.push([]);
      bytes = record.bytes;
    }
    parts.at(-1)!.push(record);
  }
  return parts;
}
