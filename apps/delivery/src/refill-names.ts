import { channel } from 'node:diagnostics_channel';
import { HEADER, TOPICS, headerText } from '@switchhook/contracts';
import { attemptName, hasAttemptIds, readAttemptIds } from '@switchhook/domain';
import type { AssignedPartition, EventLog, LogRecord } from '@switchhook/event-log';
import type { FinishedNames } from './finished-names.js';
import type { HopsBefore } from './hops-before.js';

/** Where chaos runs end the process (docs/adr/0035). */
const NAMES_REFILLED = channel('switchhook.delivery.names-refilled');

/**
 * How late the log may take what somebody wrote who is gone: a write that is held up in the network, and clocks that differ.
 * Also the time that is guaranteed where everything else would be too much.
 */
const LATE_MS = 30_000;
/** What a takeover reads of the outcomes at most, beyond that time: it must not last because somebody is far behind. */
const OUTCOMES_MAX = 50_000;
/** Of the signed records that will be handed to us, so many are looked at. */
const SIGNED_LOOKED_AT = 5_000;

export interface RefillDeps {
  readonly log: Pick<EventLog, 'read'>;
  readonly names: FinishedNames;
  readonly hops: Pick<HopsBefore, 'since'>;
  readonly now: () => number;
}

/**
 * Refills the names of finished attempts before the first signed record of a partition is taken. An attempt among them was made
 * by whoever had the partition before, or by us before a crash; making it again would be a repeat without need. An outcome is
 * younger than the record that led to it, so that none can come again that is older than the oldest record which anybody may
 * hand on once more: we ourselves, or the hops before us (docs/adr/0038).
 */
export async function refillNames(
  { log, names, hops, now }: RefillDeps,
  { partition, starts, ends }: AssignedPartition,
): Promise<void> {
  const end = ends[TOPICS.outcomes.name] ?? 0;
  const signed = { from: starts[TOPICS.signed.name] ?? 0, to: ends[TOPICS.signed.name] ?? 0 };
  const [signedMs, hopsMs, cappedMs] = await Promise.all([
    oldestOrigin(log, partition, signed),
    hops.since(partition),
    timeAt(log, partition, Math.max(0, end - OUTCOMES_MAX), end),
  ]);
  const nowMs = now();
  const sinceMs = Math.max(Math.min(signedMs, hopsMs), cappedMs);
  const from = { timeMs: Math.min(sinceMs, nowMs) - LATE_MS };
  for await (const records of log.read(TOPICS.outcomes.name, partition, from, end)) {
    for (const record of records) refillFrom(record, names);
  }
  NAMES_REFILLED.publish(undefined);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Since when the log has what led to the signed records of a range, epoch ms; Infinity where there are none. A first attempt
 * may have been requested, and signed, more than once since its event was accepted; it may have been made that long ago.
 */
async function oldestOrigin(log: Pick<EventLog, 'read'>, partition: number, { from, to }: Range): Promise<number> {
  let oldestMs = Infinity;
  if (from >= to) return oldestMs;
  let left = SIGNED_LOOKED_AT;
  for await (const records of log.read(TOPICS.signed.name, partition, { position: from }, to)) {
    for (const record of records)
      oldestMs = Math.min(oldestMs, record.appendedAtMs, firstAcceptedAt(record) ?? Infinity);
    left -= records.length;
    if (left <= 0) break;
  }
  return oldestMs;
}

/** When the event of a first attempt was accepted. */
function firstAcceptedAt({ headers }: LogRecord): number | undefined {
  if (!hasAttemptIds(headers)) return undefined;
  const { run, number, deferrals, acceptedAt } = readAttemptIds(headers);
  return run === 0 && number === 1 && deferrals === 0 ? acceptedAt : undefined;
}

/** When the log took the outcome at `from`, epoch ms; -Infinity where there is none before `to`, or it is the first of all. */
async function timeAt(log: Pick<EventLog, 'read'>, partition: number, from: number, to: number): Promise<number> {
  if (from === 0) return -Infinity;
  for await (const [record] of log.read(TOPICS.outcomes.name, partition, { position: from }, to)) {
    if (record) return record.appendedAtMs;
  }
  return -Infinity;
}

/** What was only put off has its row, and its attempt is still to come; what is about no delivery has no name. */
function refillFrom({ headers }: LogRecord, names: FinishedNames): void {
  const outcome = headerText(headers, HEADER.outcome);
  if (outcome === 'unmatched' || !hasAttemptIds(headers)) return;
  const ids = readAttemptIds(headers);
  if (outcome === 'deferred') names.addParked(attemptName(ids), ids.deferrals);
  else names.add(attemptName(ids));
  if (outcome !== 'deferred' && outcome !== 'attempted') names.addEnded(ids);
}
