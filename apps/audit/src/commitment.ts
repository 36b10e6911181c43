import { hash } from 'node:crypto';
import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';

/** Length of a salt. 128 bits: a phone number in a known text cannot be found by trying once the salt is deleted. */
export const SALT_BYTES = 16;

const ABSENT = 0xff_ff_ff_ff;

interface CommittedRecord {
  readonly key: Buffer | null;
  readonly headers: RecordHeaders;
  readonly value: Buffer | null;
}

/**
 * What `audit.records` says about the whole record for good, payload included: SHA-256 over the salt, then the key, the
 * number of headers, each header's name and value in the order of names (repeated ones in theirs), then the value; each as
 * its length (4 bytes, big endian; all ones: absent) and its bytes.
 */
export function commitmentOf(salt: Buffer, { key, headers, value }: CommittedRecord): Buffer {
  const text = new Text();
  text.begin(salt);
  const names = inOrder(Object.keys(headers));
  text.add(key);
  text.add(String(names.reduce((count, name) => count + countOf(headers[name]!), 0)));
  for (const name of names) {
    const header = headers[name]!;
    if (isOne(header)) text.addHeader(name, header);
    else for (const one of header) text.addHeader(name, one);
  }
  text.add(value);
  return hash('sha256', text.bytes, 'buffer');
}

let given: readonly string[] = [];
let ordered: readonly string[] = [];

/** The names in their order: mostly those of the record before, which was of the same topic. */
function inOrder(names: readonly string[]): readonly string[] {
  if (names.length === given.length && names.every((name, index) => name === given[index])) return ordered;
  given = names;
  ordered = [...names].sort();
  return ordered;
}

const isOne = (header: HeaderValue): header is string | Buffer => typeof header === 'string' || Buffer.isBuffer(header);

const countOf = (header: HeaderValue): number => (isOne(header) ? 1 : header.length);

/** Where every record of this process is laid out in turn: hashing is synchronous, so one place is enough. */
let place = Buffer.allocUnsafe(64 * 1024);

/** Byte strings with their lengths, laid end to end: one call of `hash` costs a tenth of an update per part. */
class Text {
  #end = 0;

  begin(salt: Buffer): void {
    this.#reserve(salt.length);
    this.#end = salt.copy(place);
  }

  addHeader(name: string, value: string | Buffer): void {
    this.add(name);
    this.add(value);
  }

  add(part: Buffer | string | null): void {
    if (part === null) {
      this.#reserve(4);
      this.#end = place.writeUInt32BE(ABSENT, this.#end);
      return;
    }
    // A character of a string has at most three bytes in UTF-8 per UTF-16 unit.
    this.#reserve(4 + (typeof part === 'string' ? part.length * 3 : part.length));
    const start = this.#end + 4;
    const length = typeof part === 'string' ? place.write(part, start) : part.copy(place, start);
    place.writeUInt32BE(length, this.#end);
    this.#end = start + length;
  }

  get bytes(): Buffer {
    return place.subarray(0, this.#end);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= place.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#end + bytes));
    place.copy(larger, 0, 0, this.#end);
    place = larger;
  }
}
