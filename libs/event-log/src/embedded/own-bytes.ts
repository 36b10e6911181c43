import type { OutgoingRecord } from '../event-log.js';

/**
 * Key and value of a record in a buffer of their own. Records stay in memory for a while, and small buffers are slices of
 * Node's shared pool: each would keep 8 kB alive, several times the record.
 */
export function ownBytes({ key, value }: OutgoingRecord): {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
} {
  const keyLength = key === null ? 0 : Buffer.byteLength(key);
  const own = Buffer.allocUnsafeSlow(keyLength + (value?.length ?? 0));
  if (typeof key === 'string') own.write(key);
  else key?.copy(own);
  value?.copy(own, keyLength);
  return { key: key === null ? null : own.subarray(0, keyLength), value: value && own.subarray(keyLength) };
}
