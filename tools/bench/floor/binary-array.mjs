// Arrays of bytes in PostgreSQL's binary format (array_send): a Buffer goes to the server as it is, without hex.
const OID = { bytea: 17, text: 25 };
const HEADER_BYTES = 20;

/** A one-dimensional `bytea[]` or `text[]` of Buffers or strings without nulls. */
export function binaryArray(type, values) {
  let bytes = HEADER_BYTES;
  for (const value of values) bytes += 4 + Buffer.byteLength(value);
  const array = Buffer.allocUnsafe(bytes);
  array.writeInt32BE(1, 0); // dimensions
  array.writeInt32BE(0, 4); // no nulls
  array.writeInt32BE(OID[type], 8);
  array.writeInt32BE(values.length, 12);
  array.writeInt32BE(1, 16); // lower bound
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = typeof value === 'string' ? array.write(value, at + 4) : value.copy(array, at + 4);
    array.writeInt32BE(length, at);
    at += 4 + length;
  }
  return array;
}
