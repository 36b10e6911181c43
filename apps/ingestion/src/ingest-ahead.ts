import { eventKey, eventRecordKey, readEventRecord } from '@switchhook/domain';
import type { HandleAhead, OutgoingRecord } from '@switchhook/event-log';
import type { NamedBatch } from './accepted-names.js';
import type { AcceptedEvent } from './fan-out.js';
import { requestsFor } from './fan-out.js';
import { receiversOf, type IngestDeps } from './ingest.js';
import type { Webhook } from '@switchhook/contracts';

export interface IngestAheadDeps extends Pick<IngestDeps, 'receivers' | 'rates' | 'counters' | 'now'> {
  readonly accounts: Pick<IngestDeps['accounts'], 'exists'>;
  /** Told of events that had their names already, and are worked off. */
  readonly workedOff: (batch: NamedBatch) => void;
}

/** An event and whoever wants it. */
interface Wanted extends AcceptedEvent {
  readonly receivers: readonly Webhook[];
}

/**
 * What `ingest` would answer to new events that everybody knows what to do with: they get their names with the append, their
 * receivers are known, and nobody is to be asked. All others are left to `ingest`.
 */
export const ingestAhead =
  (deps: IngestAheadDeps): HandleAhead =>
  ({ partition, records, areNamed }) => {
    if (!areNamed || !deps.receivers.caughtUp()) return undefined;
    const wanted: Wanted[] = [];
    for (const record of records) {
      const read = readEventRecord(record, record.appendedAtMs);
      if ('rejection' in read || !deps.accounts.exists(read.event.accountId)) return undefined;
      const { event } = read;
      const receivers = receiversOf(deps.receivers, event, record.appendedAtMs);
      if (receivers.length === 0 || receivers.some(({ singleUse }) => singleUse)) return undefined;
      if (record.key?.toString('utf8') !== eventRecordKey(event)) return undefined;
      wanted.push({ event, eventKey: eventKey(event.accountId, event.source, event.id), record, receivers });
    }
    const isOver = (accountId: number): boolean => deps.rates.isOver(accountId);
    const outputs: OutgoingRecord[] = wanted.flatMap((each) => requestsFor(each, each.receivers, isOver));
    const appended = (): void => {
      const events = wanted.map(({ eventKey: key, record: { position } }) => ({ eventKey: key, position }));
      deps.workedOff({ partition, finishedBefore: records[0]!.position, events, nowMs: deps.now() });
      deps.counters.accepted(wanted.length);
      for (const { appendedAtMs } of records) deps.counters.done(appendedAtMs);
    };
    return { outputs, appended };
  };
