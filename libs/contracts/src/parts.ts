import { HEADER, headerText, type RecordHeaders } from './record-headers.js';

/**
 * A record value made of several byte strings laid end to end, with their lengths in one header: a payload inside it is
 * never escaped, parsed or copied into another format on its way through.
 */
export function joinParts(parts: readonly (Buffer | PartRange)[]): { value: Buffer; lengths: string } {
  const value = Buffer.concat(parts.filter((part) => Buffer.isBuffer(part)));
  const lengths = parts.map((part) => (Buffer.isBuffer(part) ? part.length : `${WITHIN}${part.offset}+${part.length}`));
  return { value, lengths: lengths.join(',') };
}

/** A part that lies within the one before it and so has no bytes of its own: the event's data in a rendered body. */
export interface PartRange {
  readonly offset: number;
  readonly length: number;
}

const WITHIN = '~';

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
    if (text.startsWith(WITHIN)) {
      parts.push(rangeOf(text, parts.at(-1)));
      continue;
    }
    const length = Number(text);
    if (!Number.isSafeInteger(length) || length < 0) throw new Error(`${HEADER.parts}: "${lengths}" holds no length`);
    parts.push(value.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== value.length) throw new Error(`${HEADER.parts}: ${offset} bytes announced, ${value.length} there`);
  return parts;
}

function rangeOf(text: string, before: Buffer | undefined): Buffer {
  const [offset = NaN, length = NaN] = text.slice(WITHIN.length).split('+').map(Number);
  const isWithin = before && offset >= 0 && length >= 0 && offset + length <= before.length;
  if (!isWithin) throw new Error(`${HEADER.parts}: "${text}" is no range of the part before it`);
  return before.subarray(offset, offset + length);
}
