import { channel } from 'node:diagnostics_channel';
import { HEADER, TOPICS, headerText } from '@switchhook/contracts';
import { attemptName, hasAttemptIds, readAttemptIds } from '@switchhook/domain';
import type { AssignedPartition, EventLog, LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';

/** Where chaos runs end the process (docs/adr/0035). */
const NAMES_REFILLED = channel('switchhook.delivery.names-refilled');

/**
 * A crash also takes back the progress of the hops before us: they hand on again what they had not committed, and signing
 * signs it again, so that the repeat is younger than its outcome by this much at most, counted in time in which work went on.
 */
const HOPS_BEFORE_MS = 30_000;

/**
 * Refills the names of finished attempts before the first signed record of a partition is taken: from the outcomes since half
 * a minute before the first signed record that will be handed to us, which may itself be such a repeat that was not committed
 * (correctness.md §1), or before the last outcome, however long ago that was. An attempt among them was made by whoever had the
 * partition before, or by us before a crash; making it again would be a repeat without need.
 */
export async function refillNames(
  log: Pick<EventLog, 'read'>,
  names: FinishedNames,
  { partition, starts, ends }: AssignedPartition,
  nowMs: number,
): Promise<void> {
  const end = ends[TOPICS.outcomes.name] ?? 0;
  const signedMs = await firstTime(log, TOPICS.signed.name, partition, {
    from: starts[TOPICS.signed.name] ?? 0,
    to: ends[TOPICS.signed.name] ?? 0,
  });
  const lastMs = await firstTime(log, TOPICS.outcomes.name, partition, { from: Math.max(0, end - 1), to: end });
  const from = { timeMs: Math.min(signedMs ?? nowMs, lastMs ?? nowMs, nowMs) - HOPS_BEFORE_MS };
  for await (const records of log.read(TOPICS.outcomes.name, partition, from, end)) {
    for (const record of records) refillFrom(record, names);
  }
  NAMES_REFILLED.publish(undefined);
}

/** When the log took the first record of a range, epoch ms; undefined where there is none. */
async function firstTime(
  log: Pick<EventLog, 'read'>,
  topic: string,
  partition: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number | undefined> {
  if (from >= to) return undefined;
  for await (const [record] of log.read(topic, partition, { position: from }, to)) {
    if (record) return record.appendedAtMs;
  }
  return undefined;
}

/** What was only put off has its row, and its attempt is still to come; what is about no delivery has no name. */
function refillFrom({ headers }: LogRecord, names: FinishedNames): void {
  const outcome = headerText(headers, HEADER.outcome);
  if (outcome === 'unmatched' || !hasAttemptIds(headers)) return;
  const ids = readAttemptIds(headers);
  if (outcome === 'deferred') names.addParked(attemptName(ids), ids.deferrals);
  else names.add(attemptName(ids));
}
