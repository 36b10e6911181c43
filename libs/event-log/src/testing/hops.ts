import { createDatabase } from '@switchhook/testing';
import { Client } from 'pg';
import type { Consumer, ConsumeOptions, LogRecord, OperableLog, OutgoingRecord } from '../event-log.js';
import { CuttingProxy } from './cutting-proxy.js';
import { keyOf, numbered, sequenceOf, upTo } from './records.js';
import { silentLogger } from './silent-logger.js';
import { waitUntil } from './wait-until.js';
import { openEmbeddedLog } from '../embedded/embedded-log.js';

export const EVENTS = 'events.v1';
export const KEYS = upTo(10).map((number) => `key-${number}`);

export interface Fixture {
  readonly log: OperableLog;
  readonly proxy: CuttingProxy;
  readonly databaseUrl: string;
  readonly admin: Client;
  /** What was handled ahead and is there; what was handled as usual. */
  readonly ahead: LogRecord[];
  readonly usual: LogRecord[];
  /** Consumes `topic`, answering each record with one on `to`. */
  readonly hop: (topic: string, to: string, options?: Partial<ConsumeOptions>) => Promise<Consumer>;
  readonly stored: (topic: string) => Promise<Stored[]>;
}

export interface Stored {
  readonly text: string;
  readonly transaction: string;
}

export const answer =
  (topic: string) =>
  (record: LogRecord): OutgoingRecord =>
    numbered(topic, keyOf(record), sequenceOf(record));

export const withLog = (test: (fixture: Fixture) => Promise<void>) => async (): Promise<void> => {
  const database = await createDatabase();
  const proxy = new CuttingProxy(new URL(database.url));
  const log = openEmbeddedLog({ databaseUrl: await proxy.listen(), logger: silentLogger, partitions: 3 });
  const admin = new Client({ connectionString: database.url });
  const ahead: LogRecord[] = [];
  const usual: LogRecord[] = [];
  const hop: Fixture['hop'] = (topic, to, options) =>
    log.consume({
      group: `from ${topic}`,
      topics: [topic],
      ahead: ({ records }) => ({ outputs: records.map(answer(to)), appended: () => void ahead.push(...records) }),
      handle: async ({ records }) => {
        usual.push(...records);
        return records.map(answer(to));
      },
      ...options,
    });
  const stored = async (topic: string): Promise<Stored[]> => {
    const { rows } = await admin.query<Stored>(
      `SELECT convert_from(value, 'UTF8') AS text, r.xmin::text AS transaction
       FROM log.records r JOIN log.topics t ON t.id = r.topic WHERE t.name = $1 ORDER BY partition, position`,
      [topic],
    );
    return rows;
  };
  try {
    await admin.connect();
    await log.start();
    await test({ log, proxy, databaseUrl: database.url, admin, ahead, usual, hop, stored });
  } finally {
    await log.close();
    await admin.end();
    proxy.close();
    await database.drop();
  }
};

export const texts = (records: readonly Stored[]): string[] => records.map(({ text }) => text).sort();
export const untilHandled = ({ ahead, usual }: Fixture, count: number): Promise<void> =>
  waitUntil(
    () => ahead.length + usual.length >= count,
    () => `${ahead.length} ahead and ${usual.length} as usual of ${count}`,
  );
