import { TOPICS, type TelephonyEvent } from '@switchhook/contracts';
import { eventHeaders, eventRecordKey } from '@switchhook/domain';
import type { EventLog, OutgoingRecord } from '@switchhook/event-log';
import type { DataSource } from 'typeorm';
import { takeNotices } from './health-store.js';

const AT_ONCE = 100;

/**
 * Puts what we have to say about webhooks on the log, as events like any other; answers with how many there were. After a
 * crash some are put there again, under the same names, and are accepted once.
 */
export const publishNotices = (database: DataSource, log: Pick<EventLog, 'publish'>): Promise<number> =>
  takeNotices(database, AT_ONCE, async (events) => void (await log.publish(events.map(eventRecord))));

const eventRecord = (event: TelephonyEvent): OutgoingRecord => ({
  topic: TOPICS.events.name,
  key: eventRecordKey(event),
  value: event.data,
  headers: eventHeaders(event),
});
