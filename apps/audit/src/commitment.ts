import { hash } from 'node:crypto';
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
  const parts = [record.key, String(pairs.length), ...pairs.flat(), record.value];
  const sizes = parts.map((part) => (part === null ? 0 : Buffer.byteLength(part)));
  // One buffer and one call: an update per part would cost ten times as much.
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, salt.length));
  let offset = salt.copy(bytes);
  for (const [index, part] of parts.entries()) {
    offset = bytes.writeUInt32BE(part === null ? ABSENT : sizes[index]!, offset);
    if (typeof part === 'string') offset += bytes.write(part, offset);
    else if (part) offset += part.copy(bytes, offset);
  }
  return hash('sha256', bytes, 'buffer');
}

function valuesOf(headers: RecordHeaders, name: string): readonly (string | Buffer)[] {
  const value = headers[name];
  if (value === undefined) return [];
  return typeof value === 'string' || Buffer.isBuffer(value) ? [value] : value;
}
