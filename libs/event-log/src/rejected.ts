import { HEADER, rejectedTopic } from '@switchhook/contracts';
import type { LogRecord, OutgoingRecord } from './event-log.js';

/**
 * The record that keeps what a consumer could not read: on `<topic>.rejected`, with its key, value and headers as they
 * were and four headers more (interfaces.md, "An event").
 */
export function toRejected(record: LogRecord, code: string, words: string): OutgoingRecord {
  return {
    topic: rejectedTopic(record.topic),
    key: record.key,
    value: record.value,
    headers: {
      ...record.headers,
      [HEADER.reason]: `${code}: ${words}`,
      [HEADER.topic]: record.topic,
      [HEADER.partition]: String(record.partition),
      [HEADER.offset]: String(record.position),
    },
  };
}
