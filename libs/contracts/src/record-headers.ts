/**
 * The header names of our own records. Ids travel in headers so that no hop decodes a value that it only passes on.
 * On `events.v1` an event has its attributes as CloudEvents headers (`ce_…`, Kafka protocol binding, binary mode).
 */
export const HEADER = {
  /** Version of the layout of a record; a newer one than the reader knows pauses its partition. */
  schema: 'switchhook-schema',
  /**
   * Everything that says which attempt a record is about, as one text (domain's attempt-ids.ts): records have few headers,
   * because each is written, read, copied and archived at every hop.
   */
  ids: 'switchhook-ids',
  /** The attributes of the event, as one JSON text. */
  attributes: 'switchhook-attributes',
  accountId: 'switchhook-account',
  eventKey: 'switchhook-event',
  webhookId: 'switchhook-webhook',
  webhookVersion: 'switchhook-webhook-version',
  /** Epoch ms at which the event was accepted (the append time of its record on `events.v1`). */
  acceptedAt: 'switchhook-accepted',
  /** Position of the event on `events.v1` as `<partition>:<position>`. */
  origin: 'switchhook-origin',
  /** `request` (an attempt to make) or `cancel`, on `requested`. */
  kind: 'switchhook-kind',
  /** Of a webhook with a fallback: which URL the attempt goes to (domain's fallback.ts); absent: the first try of the primary. */
  target: 'switchhook-target',
  outcome: 'switchhook-outcome',
  /** Epoch ms of signing, on `signed`. */
  signedAt: 'switchhook-signed',
  /** Byte lengths of the parts of a value, comma-separated: see parts.ts. */
  parts: 'switchhook-parts',
  traceparent: 'traceparent',
  reason: 'switchhook-reason',
  topic: 'switchhook-topic',
  partition: 'switchhook-partition',
  offset: 'switchhook-offset',
} as const;

/** The newest layout of our own records that this code writes and reads. */
export const SCHEMA_VERSION = 1;

export type HeaderValue = string | Buffer | readonly (string | Buffer)[];
export type RecordHeaders = Readonly<Record<string, HeaderValue>>;

/** The text of header `name`, the first where it is repeated; undefined when absent. */
export function headerText(headers: RecordHeaders, name: string): string | undefined {
  const value = headers[name];
  if (value === undefined || typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  const first = value[0];
  return typeof first === 'string' ? first : first?.toString('utf8');
}
