/** Bytes that JSON gives a meaning to (RFC 8259 §2). */
export const BYTE = {
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  point: 0x2e,
  colon: 0x3a,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Why a scan stopped; see `faultAt`. */
const SYNTAX = 0;
const TOO_DEEP = 1;
const BAD_UTF8 = 2;

/**
 * The end of the JSON value that begins at `start`, checked to the letter (RFC 8259, UTF-8 included), or a negative
 * number that `describeFault` explains. Positions are bytes. Numbers, not objects, because every event passes here.
 */
export function scanValue(text: Buffer, start: number, depthLeft: number): number {
  switch (text[start]) {
    case BYTE.quote:
      return scanString(text, start);
    case BYTE.openObject:
      return depthLeft > 0 ? scanObject(text, start, depthLeft - 1) : faultAt(start, TOO_DEEP);
    case BYTE.openArray:
      return depthLeft > 0 ? scanArray(text, start, depthLeft - 1) : faultAt(start, TOO_DEEP);
    case 0x74:
      return scanWord(text, start, 'true');
    case 0x66:
      return scanWord(text, start, 'false');
    case 0x6e:
      return scanWord(text, start, 'null');
    default:
      return scanNumber(text, start);
  }
}

/** The first position from `start` on that is not JSON white space. */
export function skipSpace(text: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const byte = text[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

export const faultAt = (position: number, kind = SYNTAX): number => -1 - (position * 4 + kind);

/** What is wrong with `text`, in words, from a negative result of `scanValue`. `depth` is the limit that was applied. */
export function describeFault(text: Buffer, fault: number, depth: number): string {
  const code = -1 - fault;
  const position = Math.floor(code / 4);
  if (code % 4 === TOO_DEEP) return `is nested deeper than ${depth} levels at byte ${position}`;
  if (code % 4 === BAD_UTF8) return `is not valid UTF-8 at byte ${position}`;
  if (position >= text.length) return `ends at byte ${text.length}, before the value is complete`;
  const byte = text[position]!;
  if (byte < 0x20 || byte > 0x7e)
    return `has an unexpected byte 0x${byte.toString(16).padStart(2, '0')} at byte ${position}`;
  return `has an unexpected ${byte === BYTE.quote ? "'\"'" : `"${String.fromCharCode(byte)}"`} at byte ${position}`;
}

function scanObject(text: Buffer, start: number, depthLeft: number): number {
  let at = skipSpace(text, start + 1);
  if (text[at] === BYTE.closeObject) return at + 1;
  for (;;) {
    if (text[at] !== BYTE.quote) return faultAt(at);
    at = scanString(text, at);
    if (at < 0) return at;
    at = skipSpace(text, at);
    if (text[at] !== BYTE.colon) return faultAt(at);
    at = scanValue(text, skipSpace(text, at + 1), depthLeft);
    if (at < 0) return at;
    at = skipSpace(text, at);
    if (text[at] === BYTE.closeObject) return at + 1;
    if (text[at] !== BYTE.comma) return faultAt(at);
    at = skipSpace(text, at + 1);
  }
}

function scanArray(text: Buffer, start: number, depthLeft: number): number {
  let at = skipSpace(text, start + 1);
  if (text[at] === BYTE.closeArray) return at + 1;
  for (;;) {
    at = scanValue(text, at, depthLeft);
    if (at < 0) return at;
    at = skipSpace(text, at);
    if (text[at] === BYTE.closeArray) return at + 1;
    if (text[at] !== BYTE.comma) return faultAt(at);
    at = skipSpace(text, at + 1);
  }
}

/** 1 for the bytes of a string that stand for themselves: ASCII without controls, quote and backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== BYTE.quote && byte !== BYTE.backslash ? 1 : 0,
);

function scanString(text: Buffer, start: number): number {
  const { length } = text;
  let at = start + 1;
  while (at < length) {
    const byte = text[at]!;
    if (PLAIN[byte] === 1) at += 1;
    else if (byte === BYTE.quote) return at + 1;
    else if (byte < 0x20) return faultAt(at);
    else if ((at = byte === BYTE.backslash ? scanEscape(text, at) : scanMultibyte(text, at)) < 0) return at;
  }
  return faultAt(length);
}

function scanEscape(text: Buffer, start: number): number {
  const byte = text[start + 1];
  // " \ / b f n r t
  if (byte === 0x22 || byte === 0x5c || byte === 0x2f || byte === 0x62 || byte === 0x66) return start + 2;
  if (byte === 0x6e || byte === 0x72 || byte === 0x74) return start + 2;
  if (byte !== 0x75) return faultAt(start + 1);
  for (let at = start + 2; at < start + 6; at += 1) if (!isHexDigit(text[at])) return faultAt(at);
  return start + 6;
}

const isHexDigit = (byte: number | undefined): boolean =>
  byte !== undefined && (isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));

/** The end of the UTF-8 sequence at `start`: well-formed only (Unicode 15, table 3-7): no overlong forms, no surrogates. */
function scanMultibyte(text: Buffer, start: number): number {
  const lead = text[start] ?? 0;
  const tails = tailsAfter(lead);
  const second = text[start + 1] ?? 0;
  if (tails === 0 || second < leastSecond(lead) || second > greatestSecond(lead)) return faultAt(start, BAD_UTF8);
  for (let at = start + 2; at <= start + tails; at += 1) if (!isTail(text[at])) return faultAt(start, BAD_UTF8);
  return start + tails + 1;
}

function tailsAfter(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 1;
  return lead < 0xf0 ? 2 : 3;
}

function leastSecond(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

function greatestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}

const isTail = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function scanWord(text: Buffer, start: number, word: string): number {
  for (let index = 0; index < word.length; index += 1) {
    if (text[start + index] !== word.charCodeAt(index)) return faultAt(start + index);
  }
  return start + word.length;
}

function scanNumber(text: Buffer, start: number): number {
  let at = text[start] === BYTE.minus ? start + 1 : start;
  if (text[at] === 0x30) at += 1;
  else if ((at = scanDigits(text, at)) < 0) return at;
  if (text[at] === BYTE.point && (at = scanDigits(text, at + 1)) < 0) return at;
  if (text[at] === 0x65 || text[at] === 0x45) {
    const signed = text[at + 1] === 0x2b || text[at + 1] === BYTE.minus;
    at = scanDigits(text, at + (signed ? 2 : 1));
  }
  return at;
}

/** The end of the digits at `start`, of which there must be one. */
function scanDigits(text: Buffer, start: number): number {
  let at = start;
  while (isDigit(text[at])) at += 1;
  return at > start ? at : faultAt(at);
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
