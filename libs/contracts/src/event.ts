/**
 * An event as it travels inside: CloudEvents 1.0 attributes, and the data as the bytes that the producer sent.
 * `accountid` is our required extension attribute (interfaces.md, "An event").
 */
export interface TelephonyEvent {
  readonly accountId: number;
  readonly id: string;
  readonly source: string;
  /** `<Resource>.<Event>` of the catalogue. */
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339, as the producer wrote it; the time of acceptance where it wrote none. */
  readonly time: string;
  readonly dataContentType: string;
  /** Other CloudEvents attributes, as text, without the `ce_` prefix. */
  readonly extensions: Readonly<Record<string, string>>;
  /** The JSON text of the data, byte for byte. Integers beyond 2^53 survive because nobody parses it on the way. */
  readonly data: Buffer;
}

/** Why an event was refused; the words before the colon of `switchhook-reason`. */
export const REJECT_CODES = [
  'missing-attribute',
  'invalid-attribute',
  'not-json',
  'no-value',
  'too-large',
  'unknown-account',
  'unknown-type',
] as const;
export type RejectCode = (typeof REJECT_CODES)[number];

export interface Rejection {
  readonly code: RejectCode;
  /** The attribute or member at fault, as the sender knows it: `type`, `data`, `accountid`. */
  readonly field: string;
  readonly words: string;
}
