import { LogUnavailableError, type EventLog, type LogRecord, type OutgoingRecord } from '@switchhook/event-log';

type OnRecords = (records: readonly LogRecord[]) => void | Promise<void>;

/** An event log of one partition per topic that ends with the test, and that the test can take away. */
export interface MemoryLog extends EventLog {
  readonly records: readonly LogRecord[];
  /** From now on nothing is acknowledged, or everything again. */
  setAway(away: boolean): void;
}

export function memoryLog(identity = 'memory'): MemoryLog {
  const records: LogRecord[] = [];
  const readers = new Map<string, Set<OnRecords>>();
  let away = false;

  const read = (topic: string, onRecords: OnRecords): (() => void) => {
    const readersOfTopic = readers.get(topic) ?? new Set();
    readers.set(topic, readersOfTopic.add(onRecords));
    return () => void readersOfTopic.delete(onRecords);
  };

  const append = (record: OutgoingRecord): LogRecord => {
    const appended: LogRecord = {
      ...record,
      key: typeof record.key === 'string' ? Buffer.from(record.key) : record.key,
      partition: 0,
      position: records.filter(({ topic }) => topic === record.topic).length,
      appendedAtMs: Date.now(),
    };
    records.push(appended);
    return appended;
  };

  return {
    identity,
    records,
    setAway: (isAway) => void (away = isAway),
    start: async () => undefined,
    async publish(outgoing) {
      if (away) throw new LogUnavailableError('no broker');
      const appended = outgoing.map(append);
      for (const record of appended) {
        for (const onRecords of readers.get(record.topic) ?? []) await onRecords([record]);
      }
      return appended.map(({ topic, partition, position }) => ({ topic, partition, position }));
    },
    async consume({ topics, handle }) {
      const signal = new AbortController().signal;
      const ends = topics.map((topic) =>
        read(
          topic,
          async (batch) =>
            void (await handle({ topic, partition: 0, records: batch, signal, settle: () => undefined })),
        ),
      );
      return {
        assigned: () => [0],
        lag: () => ({}),
        oldestMs: () => ({}),
        close: async () => ends.forEach((end) => end()),
      };
    },
    async follow(topic, onRecords) {
      const known = records.filter((record) => record.topic === topic);
      const end = read(topic, onRecords);
      if (known.length > 0) await onRecords(known);
      return { caughtUp: Promise.resolve(), reachEnd: async () => undefined, close: async () => end() };
    },
    read: () => {
      throw new Error('Nobody reads this log without following it');
    },
    ends: async (topic) => [records.filter((record) => record.topic === topic).length],
    unfinishedSince: async () => [undefined],
    health: () => (away ? { ok: false, reason: 'no broker' } : { ok: true }),
    close: async () => undefined,
  };
}
