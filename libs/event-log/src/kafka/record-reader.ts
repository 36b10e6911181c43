import type { HeaderValue, RecordHeaders } from '@switchhook/contracts';

/** The headers of the record before: the next one of its topic mostly has the same names, and half of the values. */
export interface HeaderPattern {
  readonly names: readonly string[];
  readonly values: readonly (string | undefined)[];
  readonly headers: RecordHeaders;
}

export const NO_PATTERN: HeaderPattern = { names: [], values: [], headers: {} };

/** Reads the fields of records, without an object for what they are made of. Bytes are views, not copies. */
export class RecordReader {
  constructor(
    private readonly bytes: Buffer,
    public at = 0,
  ) {}

  int8(): number {
    return this.bytes[this.skip(1)]!;
  }

  /** Zigzag varint or varlong (deltas of time and offset, lengths). */
  varint(): number {
    const first = this.bytes[this.skip(1)]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    let factor = 128;
    for (;;) {
      const byte = this.bytes[this.skip(1)]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A length and as many bytes; null for length -1. */
  part(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }

  /** Headers, with ASCII values as strings and all others as the bytes that they are; and the pattern of what follows. */
  headers(pattern: HeaderPattern): HeaderPattern {
    const start = this.at;
    const count = this.varint();
    if (count > 0 && count === pattern.names.length) {
      const found = this.alike(pattern);
      if (found) return found;
      this.at = start;
      this.varint();
    }
    return this.unlike(count);
  }

  /** As `headers`, where the names are those of `pattern`, in the same order; otherwise undefined. */
  private alike({ names, values, headers }: HeaderPattern): HeaderPattern | undefined {
    // A copy has its properties at once, and no names to look up.
    const copy: Record<string, HeaderValue> = { ...headers };
    const texts = values.slice();
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index]!;
      if (!this.passes(name)) return undefined;
      const known = values[index];
      if (known !== undefined && this.passes(known)) continue;
      const value = this.value();
      copy[name] = value;
      texts[index] = typeof value === 'string' ? value : undefined;
    }
    return { names, values: texts, headers: copy };
  }

  private unlike(count: number): HeaderPattern {
    const headers: Record<string, HeaderValue> = {};
    const names: string[] = [];
    const values: (string | undefined)[] = [];
    let isPlain = true;
    for (let index = 0; index < count; index += 1) {
      const nameBytes = this.part() ?? NOTHING;
      const name = nameBytes.toString('utf8');
      const value = this.value();
      names.push(name);
      values.push(typeof value === 'string' ? value : undefined);
      // Then the name is not what `passes` can compare with.
      isPlain &&= name.length === nameBytes.length;
      // `__proto__` is a name like others, and a name may come again.
      if (!(name in headers)) headers[name] = value;
      else {
        isPlain = false;
        setAgain(headers, name, value);
      }
    }
    return isPlain ? { names, values, headers } : { ...NO_PATTERN, headers };
  }

  private value(): string | Buffer {
    const length = this.varint();
    const from = this.skip(Math.max(length, 0));
    const to = this.at;
    const { bytes } = this;
    for (let at = from; at < to; at += 1) if (bytes[at]! > 0x7f) return bytes.subarray(from, to);
    return length === 1 ? String.fromCharCode(bytes[from]!) : bytes.toString('latin1', from, to);
  }

  /** Whether the next part is this ASCII text; if so, goes on behind it. */
  private passes(text: string): boolean {
    const start = this.at;
    const { length } = text;
    if (this.varint() === length) {
      const from = this.skip(length);
      const { bytes } = this;
      let index = 0;
      while (index < length && bytes[from + index] === text.charCodeAt(index)) index += 1;
      // A character above 0x7f has other bytes than its code.
      if (index === length) return true;
    }
    this.at = start;
    return false;
  }

  private skip(length: number): number {
    const { at } = this;
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError('The Kafka message ends too early');
    return at;
  }
}

const NOTHING = Buffer.alloc(0);

function setAgain(headers: Record<string, HeaderValue>, name: string, value: string | Buffer): void {
  const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const now = before === undefined ? value : [...(isList(before) ? before : [before]), value];
  Object.defineProperty(headers, name, { value: now, enumerable: true, configurable: true, writable: true });
}

const isList = (value: HeaderValue): value is readonly (string | Buffer)[] => Array.isArray(value);
