import { ConcurrencyError, type EventStore, type StoredEvent } from './event-store.js';

/** An event store that ends with the process: for tests of what is built on one. It knows no transactions. */
export function memoryEventStore(now: () => number): EventStore {
  const all: StoredEvent[] = [];
  const stream = (streamId: string): StoredEvent[] => all.filter((event) => event.streamId === streamId);

  return {
    async append(streamId, expectedVersion, events) {
      const actualVersion = stream(streamId).length;
      if (actualVersion !== expectedVersion) throw new ConcurrencyError(streamId, expectedVersion, actualVersion);
      for (const [index, event] of events.entries()) {
        // Copied as JSON, so that callers meet here what they meet in a database.
        const { data, metadata } = JSON.parse(JSON.stringify({ data: event.data, metadata: event.metadata ?? {} }));
        all.push({
          position: all.length + 1,
          streamId,
          version: expectedVersion + index + 1,
          type: event.type,
          data,
          metadata,
          recordedAt: now(),
        });
      }
      return { version: expectedVersion + events.length, position: all.length };
    },
    readStream: async (streamId) => stream(streamId),
    readAll: async (fromPosition, limit) => all.slice(Math.max(0, fromPosition - 1)).slice(0, limit),
  };
}
