import { HEADER, SCHEMA_VERSION, TOPICS } from '@switchhook/contracts';
import type { OutgoingRecord } from '@switchhook/event-log';
import { requestHeaders, type ScheduleRow } from './schedule-row.js';
import type { Webhooks } from './webhooks.js';

/** Asks for the attempt of a row again, under the version of its webhook that is known here now. */
export function releaseRecord(row: ScheduleRow, webhooks: Webhooks): OutgoingRecord {
  const version = webhooks.get(row.ids.webhookId)?.version ?? row.ids.webhookVersion;
  return {
    topic: TOPICS.requested.name,
    key: String(row.ids.webhookId),
    value: row.data,
    headers: {
      ...requestHeaders(row, version),
      [HEADER.kind]: 'request',
      [HEADER.schema]: String(SCHEMA_VERSION),
    },
  };
}
