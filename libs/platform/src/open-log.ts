import type { EventLog } from '@switchhook/event-log';
import type { Logger } from 'pino';
import type { Settings } from './settings.js';

/** Kafka where brokers are named, else the log in `databaseUrl`. Not started yet. */
export async function openLog(
  settings: Settings,
  _databaseUrl: string,
  _clientId: string,
  _logger: Logger,
): Promise<EventLog> {
  throw new Error(`No engine is built in yet for ${settings.KAFKA_BROKERS ? 'Kafka' : 'Postgres'}`);
}
