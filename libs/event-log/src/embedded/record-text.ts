import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';

/** How a header part that is a Buffer is written in the `headers` column: JSON has no bytes. */
interface Base64Part {
  readonly base64: string;
}
type StoredPart = string | Base64Part;

const toStored = (part: string | Buffer): StoredPart =>
  typeof part === 'string' ? part : { base64: part.toString('base64') };

const fromStored = (part: StoredPart): string | Buffer =>
  typeof part === 'string' ? part : Buffer.from(part.base64, 'base64');

/** The headers as text: strings stay strings and bytes stay bytes when they are read again. */
export function headersToText(headers: RecordHeaders): string {
  for (const name in headers) {
    if (typeof headers[name] !== 'string') return JSON.stringify(Object.fromEntries(storedEntries(headers)));
  }
  return JSON.stringify(headers);
}

const isPart = (value: HeaderValue): value is string | Buffer => typeof value === 'string' || Buffer.isBuffer(value);

const storedEntries = (headers: RecordHeaders): [string, StoredPart | StoredPart[]][] =>
  Object.entries(headers).map(([name, value]) => [name, isPart(value) ? toStored(value) : value.map(toStored)]);

/** Reverses `headersToText`. */
export function headersFromText(text: string): RecordHeaders {
  const stored: Record<string, StoredPart | StoredPart[]> = JSON.parse(text);
  for (const name in stored) {
    if (typeof stored[name] !== 'string') return withBuffers(stored);
  }
  return stored as Record<string, string>;
}

const withBuffers = (stored: Record<string, StoredPart | StoredPart[]>): RecordHeaders =>
  Object.fromEntries(
    Object.entries(stored).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(fromStored) : fromStored(value),
    ]),
  );

/** Bytes of the names and values of the headers, as they count towards a topic's limit. */
export function headersBytes(headers: RecordHeaders): number {
  let bytes = 0;
  for (const name in headers) {
    bytes += Buffer.byteLength(name);
    const value = headers[name]!;
    if (isPart(value)) bytes += Buffer.byteLength(value);
    else for (const part of value) bytes += Buffer.byteLength(part);
  }
  return bytes;
}
