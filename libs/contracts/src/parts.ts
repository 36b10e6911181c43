import { HEADER, headerText, type RecordHeaders } from './record-headers.js';

/**
 * A record value made of several byte strings laid end to end, with their lengths in one header: a payload inside it is
 * never escaped, parsed or copied into another format on its way through.
 */
export function joinParts(parts: readonly Buffer[]): { value: Buffer; lengths: string } {
  return { value: Buffer.concat(parts as Buffer[]), lengths: parts.map((part) => part.length).join(',') };
}

/**
 * The parts of a value, as views on it. A record without the header has one part.
 * Throws when the lengths do not add up to the value: the record is not one of ours.
 */
export function splitParts(value: Buffer, headers: RecordHeaders): Buffer[] {
  const lengths = headerText(headers, HEADER.parts);
  if (lengths === undefined) return [value];
  const parts: Buffer[] = [];
  let offset = 0;
  for (const text of lengths.split(',')) {
    const length = Number(text);
    if (!Number.isSafeInteger(length) || length < 0) throw new Error(`${HEADER.parts}: "${lengths}" holds no length`);
    parts.push(value.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== value.length) throw new Error(`${HEADER.parts}: ${offset} bytes announced, ${value.length} there`);
  return parts;
}
