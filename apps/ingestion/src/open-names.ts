import { TOPICS } from '@switchhook/contracts';
import { LostPositionsError, type EventLog } from '@switchhook/event-log';
import { migrate, preparedQueries } from '@switchhook/event-store';
import type { DataSource } from 'typeorm';
import { AcceptedNames } from './accepted-names.js';
import { Claims } from './claims.js';
import { AcceptedNames1700000000001 } from './migrations/0001-accepted-names.js';
import { Claims1700000000002 } from './migrations/0002-claims.js';

const EMBEDDED = 'embedded:';

/**
 * Brings the tables up to date and opens the names for `events.v1` of this log. Throws when the log ends before a place that
 * we have worked off: it has lost records, and what comes next would be taken for old (correctness.md §3).
 */
export async function openNames(
  log: Pick<EventLog, 'identity' | 'ends'>,
  database: DataSource,
  url: string,
): Promise<AcceptedNames> {
  await migrate({ url, schema: 'ingestion', migrations: [AcceptedNames1700000000001, Claims1700000000002] });
  const topic = TOPICS.events.name;
  const names = await AcceptedNames.open(preparedQueries(database), {
    identity: log.identity,
    topic,
    durable: !log.identity.startsWith(EMBEDDED),
  });
  for (const [partition, end] of (await log.ends(topic)).entries()) {
    const position = await names.loadWatermark(partition);
    if (position > end) {
      throw new LostPositionsError([{ owner: 'ingestion', topic, partition, position, end }]);
    }
  }
  return names;
}

/** The claims, beside names that are open. */
export const openClaims = (database: DataSource): Claims => new Claims(database);
