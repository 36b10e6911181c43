/*
 * Arrays in PostgreSQL's binary format (array_send in the server's source). pg passes a Buffer on as a binary parameter: no
 * hex of payloads, no escaping of JSON, and nothing to parse for the server.
 */
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL = -1;

/** Encodes the values of one column; null and undefined are NULL. */
type EncodeArray = (values: readonly unknown[]) => Buffer;

/** Elements of one size. */
const fixed =
  (oid: number, size: number, write: (array: Buffer, value: unknown, at: number) => void): EncodeArray =>
  (values) => {
    const array = begin(oid, values.length, values.length * (LENGTH_BYTES + size));
    let at = HEADER_BYTES;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      const absent = value === null || value === undefined;
      at = array.writeInt32BE(absent ? NULL : size, at);
      if (absent) continue;
      write(array, value, at);
      at += size;
    }
    return array.subarray(0, at);
  };

/** `number`s that are whole and within the type, or their decimal text. */
const bigints = fixed(20, 8, (array, value, at) => {
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    array.writeInt32BE(Math.floor(number / 2 ** 32), at);
    array.writeUInt32BE(number - Math.floor(number / 2 ** 32) * 2 ** 32, at + 4);
  } else array.writeBigInt64BE(BigInt(value as string), at);
});

const DASH = 0x2d;
const UUID_CHARS = 36;

/** `uuid` as RFC 9562 writes it, without a text in between: there are six of them per delivery. */
function writeUuid(array: Buffer, uuid: string, start: number): void {
  let at = start;
  for (let from = 0; from < UUID_CHARS; from += 2) {
    if (uuid.charCodeAt(from) === DASH) from += 1;
    array[at++] = (hexDigit(uuid.charCodeAt(from)) << 4) | hexDigit(uuid.charCodeAt(from + 1));
  }
}

/** `0` to `9` are 0x30 to 0x39, `a` to `f` 0x61 to 0x66. */
const hexDigit = (code: number): number => (code < 0x40 ? code - 0x30 : code - 0x57);

const texts =
  (oid: number): EncodeArray =>
  (values) => {
    let bytes = 0;
    for (const value of values) bytes += LENGTH_BYTES + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
    const array = begin(oid, values.length, bytes);
    let at = HEADER_BYTES;
    for (const value of values) {
      const length = typeof value === 'string' ? array.write(value, at + LENGTH_BYTES) : NULL;
      array.writeInt32BE(length, at);
      at += LENGTH_BYTES + Math.max(length, 0);
    }
    return array;
  };

const byteas: EncodeArray = (values) => {
  let bytes = 0;
  for (const value of values) bytes += LENGTH_BYTES + (Buffer.isBuffer(value) ? value.length : 0);
  const array = begin(17, values.length, bytes);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(Buffer.isBuffer(value) ? value.length : NULL, at);
    if (Buffer.isBuffer(value)) at += value.copy(array, at);
  }
  return array;
};

/** By the name of the element's type; the numbers are the types' object ids (pg_type.dat). */
export const PARAMETER_TYPES = {
  integer: fixed(23, 4, (array, value, at) => array.writeInt32BE(value as number, at)),
  bigint: bigints,
  'double precision': fixed(701, 8, (array, value, at) => array.writeDoubleBE(value as number, at)),
  uuid: fixed(2950, 16, (array, value, at) => writeUuid(array, value as string, at)),
  text: texts(25),
  json: texts(114),
  bytea: byteas,
} as const satisfies Record<string, EncodeArray>;

export type ParameterType = keyof typeof PARAMETER_TYPES;

function begin(elementType: number, count: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  array.writeInt32BE(1, 0); // dimensions
  array.writeInt32BE(1, 4); // may hold nulls
  array.writeInt32BE(elementType, 8);
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16); // lower bound
  return array;
}
