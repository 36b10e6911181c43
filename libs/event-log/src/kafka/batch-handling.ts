import { channel } from 'node:diagnostics_channel';
import type { Batch, ConsumeOptions, LogRecord, OutgoingRecord, Place } from '../event-log.js';
import { pause } from '../backoff.js';
import type { HeldPartition } from './holding.js';
import type { SettleTracker } from '../settle-tracker.js';

/** Where chaos runs end the process (docs/adr/0035). */
const HANDLED = channel('switchhook.log.handled');
const OUTPUTS_WRITTEN = channel('switchhook.log.outputs-written');

export interface BatchDeps {
  readonly options: ConsumeOptions;
  readonly held: HeldPartition;
  readonly publish: (records: readonly OutgoingRecord[]) => Promise<Place[]>;
  /** False while our membership is in doubt: then no batch is handed on. */
  readonly isSure: () => boolean;
}

const SURE_POLL_MS = 50;

/**
 * Hands one batch to the group's handler: behind the partition's gate, what it answers is appended before the batch counts
 * as finished. After the partition is gone nothing is settled any more.
 */
export async function handleBatch(
  records: readonly LogRecord[],
  tracker: () => SettleTracker,
  deps: BatchDeps,
): Promise<void> {
  const { options, held, publish, isSure } = deps;
  await held.opened;
  while (!isSure() && !held.stopSignal.aborted) await pause(SURE_POLL_MS, held.stopSignal);
  const [first] = records;
  if (!first || held.stopSignal.aborted) throw new Error('The partition was taken away');
  const settle = (record: LogRecord): void => {
    if (!held.endSignal.aborted) tracker().settle(record.position);
  };
  const byRecord = options.settle === 'record';
  const { topic, partition } = first;
  const batch: Batch = {
    topic,
    partition,
    records,
    signal: held.endSignal,
    settle: byRecord ? settle : () => undefined,
  };
  const outputs = await options.handle(batch);
  HANDLED.publish(options.group);
  if (outputs && outputs.length > 0) {
    await publish(outputs);
    OUTPUTS_WRITTEN.publish(options.group);
  }
  if (!byRecord) for (const record of records) settle(record);
}
