/*
 * Arrays in PostgreSQL's binary format (array_send in the server's source): pg passes a Buffer on as a binary parameter,
 * and 1 KiB of payload then costs 1 KiB instead of 2 KiB of hex and its encoding.
 */
const OID = { bytea: 17, int8: 20, int2: 21, text: 25 } as const;
const HEADER_BYTES = 20;

function begin(elementType: number, count: number, bytes: number, hasNull: boolean): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  array.writeInt32BE(1, 0); // dimensions
  array.writeInt32BE(hasNull ? 1 : 0, 4);
  array.writeInt32BE(elementType, 8);
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16); // lower bound
  return array;
}

/** `smallint[]` */
export function smallints(values: readonly number[]): Buffer {
  const array = begin(OID.int2, values.length, values.length * 6, false);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(2, at);
    at = array.writeInt16BE(value, at);
  }
  return array;
}

/** `bigint[]` of safe integers that are not negative. */
export function bigints(values: readonly number[]): Buffer {
  const array = begin(OID.int8, values.length, values.length * 12, false);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(8, at);
    at = array.writeUInt32BE(Math.floor(value / 2 ** 32), at);
    at = array.writeUInt32BE(value % 2 ** 32, at);
  }
  return array;
}

/** `bytea[]`, with nulls. */
export function byteas(values: readonly (Buffer | null)[]): Buffer {
  let bytes = 0;
  for (const value of values) bytes += 4 + (value?.length ?? 0);
  const array = begin(OID.bytea, values.length, bytes, true);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(value ? value.length : -1, at);
    if (value) at += value.copy(array, at);
  }
  return array;
}

/** `text[]` */
export function texts(values: readonly string[]): Buffer {
  let bytes = 0;
  for (const value of values) bytes += 4 + Buffer.byteLength(value);
  const array = begin(OID.text, values.length, bytes, false);
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = array.write(value, at + 4);
    array.writeInt32BE(length, at);
    at += 4 + length;
  }
  return array;
}
