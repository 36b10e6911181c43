import { HEADER, TOPICS, headerText } from '@switchhook/contracts';
import { attemptName, hasAttemptIds, readAttemptIds } from '@switchhook/domain';
import type { AssignedPartition, EventLog, LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';

/**
 * A crash also takes back the progress of the hops before us: they hand on again what they had not committed, and signing
 * signs it again, so that the repeat is younger than any signed record that we find. Hence at least this much is refilled.
 */
const HOPS_BEFORE_MS = 30_000;

/**
 * Refills the names of finished attempts before the first signed record of a partition is taken: from the outcomes that are
 * not older than the first signed record that will be handed to us (correctness.md §1), and in any case of the last half
 * minute. An attempt among them was made by whoever had the partition before, or by us before a crash; making it again would
 * be a repeat without need.
 */
export async function refillNames(
  log: Pick<EventLog, 'read'>,
  names: FinishedNames,
  { partition, starts, ends }: AssignedPartition,
  nowMs: number,
): Promise<void> {
  const first = await firstRecord(log, partition, starts[TOPICS.signed.name] ?? 0, ends[TOPICS.signed.name] ?? 0);
  const from = { timeMs: Math.min(first?.appendedAtMs ?? nowMs, nowMs - HOPS_BEFORE_MS) };
  for await (const records of log.read(TOPICS.outcomes.name, partition, from, ends[TOPICS.outcomes.name] ?? 0)) {
    for (const record of records) refillFrom(record, names);
  }
}

async function firstRecord(
  log: Pick<EventLog, 'read'>,
  partition: number,
  start: number,
  end: number,
): Promise<LogRecord | undefined> {
  if (start >= end) return undefined;
  for await (const [record] of log.read(TOPICS.signed.name, partition, { position: start }, end)) {
    if (record) return record;
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
