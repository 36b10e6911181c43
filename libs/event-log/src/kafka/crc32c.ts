import { endianness } from 'node:os';

// CRC-32C (Castagnoli, RFC 3720 §12.1), reflected, sixteen bytes at a time ("slicing by 16"): Kafka's check of record batches.
const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;
/** Slice n, at n * 256: what a byte does to the CRC that is followed by n others. */
const TABLE = makeTable();
/** The bytes of a word are taken from the lowest on; elsewhere they go one by one. */
const WORD_BYTES = endianness() === 'LE' ? 4 * 4 : Infinity;

/** The CRC-32C of `bytes`, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes;
  const unaligned = Math.min(length, -byteOffset & 3);
  let crc = byByte(-1, bytes, 0, unaligned);
  const blocks = Math.floor((length - unaligned) / WORD_BYTES);
  if (blocks > 0) crc = byBlock(crc, new Int32Array(buffer, byteOffset + unaligned, blocks * 4));
  crc = byByte(crc, bytes, unaligned + blocks * SLICES, length);
  return ~crc >>> 0;
}

function byByte(before: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = before;
  for (let at = from; at < to; at += 1) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

function byBlock(before: number, words: Int32Array): number {
  let crc = before;
  for (let at = 0; at < words.length; at += 4) {
    crc =
      wordAt(words[at]! ^ crc, 0xc00) ^
      wordAt(words[at + 1]!, 0x800) ^
      wordAt(words[at + 2]!, 0x400) ^
      wordAt(words[at + 3]!, 0);
  }
  return crc;
}

/** A word of which the last byte uses the slice at `base`. */
function wordAt(word: number, base: number): number {
  return (
    TABLE[base + 0x300 + (word & 0xff)]! ^
    TABLE[base + 0x200 + ((word >>> 8) & 0xff)]! ^
    TABLE[base + 0x100 + ((word >>> 16) & 0xff)]! ^
    TABLE[base + (word >>> 24)]!
  );
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at += 1) {
    const before = table[at - 256]!;
    table[at] = (before >>> 8) ^ table[before & 0xff]!;
  }
  return table;
}
