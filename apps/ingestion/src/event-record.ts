import { TOPICS, type TelephonyEvent } from '@switchhook/contracts';
import { eventHeaders, eventRecordKey } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';

/** The event as a record of `events.v1`, in binary mode: attributes in headers, the data's own bytes as the value. */
export const eventRecord = (event: TelephonyEvent): OutgoingRecord => ({
  topic: TOPICS.events.name,
  key: eventRecordKey(event),
  value: event.data,
  headers: eventHeaders(event),
});
