import { createHash } from 'node:crypto';
import type { RecordHeaders } from '@switchhook/contracts';

/** Length of a salt. 128 bits: a phone number in a known text cannot be found by trying once the salt is deleted. */
export const SALT_BYTES = 16;

const ABSENT = 0xff_ff_ff_ff;

/**
 * What `audit.records` says about the whole record for good, payload included: SHA-256 over the salt, then the key, the
 * number of headers, each header's name and value in the order of names (repeated ones in theirs), then the value; each as
 * its length (4 bytes, big endian; all ones: absent) and its bytes.
 */
export function commitmentOf(
  salt: Buffer,
  record: { readonly key: Buffer | null; readonly headers: RecordHeaders; readonly value: Buffer | null },
): Buffer {
  const pairs = Object.keys(record.headers)
    .sort()
    .flatMap((name) => valuesOf(record.headers, name).map((value) => [name, value] as const));
  const hash = createHash('sha256').update(salt);
  const parts = [record.key, String(pairs.length), ...pairs.flat(), record.value];
  const lengths = Buffer.allocUnsafe(4);
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    lengths.writeUInt32BE(bytes?.length ?? ABSENT);
    hash.update(lengths);
    if (bytes) hash.update(bytes);
  }
  return hash.digest();
}

function valuesOf(headers: RecordHeaders, name: string): readonly (string | Buffer)[] {
  const value = headers[name];
  if (value === undefined) return [];
  return typeof value === 'string' || Buffer.isBuffer(value) ? [value] : value;
}
