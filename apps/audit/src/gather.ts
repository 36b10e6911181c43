import { setTimeout as pause } from 'node:timers/promises';
import type { LogRecord } from '@switchhook/event-log';
import { STATEMENT_BYTES, archiveRecords, archiveTogether, type ArchiveDeps, type Part } from './archive.js';

interface Waiting {
  readonly part: Part;
  readonly bytes: number;
  readonly archived: (count: number) => void;
  readonly failed: (error: unknown) => void;
}

/** How much is archived at a time, and how soon. */
export interface Pace {
  /** What comes within this time is archived together. */
  readonly gatherMs: number;
  /** While no more records than this wait, `atOnce` are taken at most, with a breath before. */
  readonly little: { readonly recordsMax: number; readonly atOnce: number; readonly breathMs: number };
  /** Where more wait, so many are taken, or half of them. */
  readonly atOnce: number;
}

/**
 * The archive is not urgent (the log follows a delivery within 2 s), and a statement for each of two dozen partitions each time
 * costs the path that calls wait for more than the records themselves (performance.md §2, "What is not urgent must not be eager").
 * A statement of 700 records (what Kafka hands on of a second's 200 deliveries) keeps one of two cores for 30 ms, and what is
 * delivered meanwhile is late for it: while the archive keeps up anyway it takes little (docs/adr/0046). When it does not, on a
 * thread that is never idle, every statement waits for its turn, so few must do.
 */
const PACE: Pace = { gatherMs: 50, little: { recordsMax: 1_500, atOnce: 120, breathMs: 15 }, atOnce: 1_000 };

/** Archives a part together with what else waits. Resolves with how many of its records were new; rejects as its own failure. */
export type Gather = (part: Part) => Promise<number>;

/** One statement at a time, so that the archive never takes more than one connection from the path. */
export function gatherer(deps: ArchiveDeps, pace = PACE, pauseMs: (ms: number) => Promise<unknown> = pause): Gather {
  let waiting: Waiting[] = [];
  let running = false;

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      if (takeFitting(waiting, pace).length === waiting.length) await pauseMs(pace.gatherMs);
      else if (isLittle(waiting, pace)) await pauseMs(pace.little.breathMs);
      const taken = takeFitting(waiting, pace);
      waiting = waiting.slice(taken.length);
      await archiveAll(deps, taken);
    }
    running = false;
  };

  return (part) =>
    new Promise((archived, failed) => {
      const bytes = part.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      waiting.push({ part, bytes, archived, failed });
      if (running) return;
      running = true;
      void run();
    });
}

const recordsOf = (waiting: readonly Waiting[]): number => waiting.reduce((sum, { part }) => sum + part.length, 0);

const isLittle = (waiting: readonly Waiting[], { little }: Pace): boolean => recordsOf(waiting) <= little.recordsMax;

/**
 * The longest beginning that fits into one statement; the first always does. Of a partition that was handed on again while its
 * records still waited, the second part must find the position that the first has moved.
 */
function takeFitting(parts: readonly Waiting[], pace: Pace): Waiting[] {
  const places = new Set<string>();
  let bytes = 0;
  let records = 0;
  const limit = isLittle(parts, pace) ? pace.little.atOnce : Math.max(pace.atOnce, recordsOf(parts) / 2);
  const end = parts.findIndex((waiting, index) => {
    const [{ topic, partition }] = waiting.part as [LogRecord];
    const place = `${topic} ${partition}`;
    if (places.has(place)) return true;
    places.add(place);
    bytes += waiting.bytes;
    records += waiting.part.length;
    return index > 0 && (bytes > STATEMENT_BYTES || records > limit);
  });
  return parts.slice(0, end === -1 ? undefined : end);
}

/** Together; when that fails each alone, so that a part that cannot be archived holds up no other. Never rejects. */
async function archiveAll(deps: ArchiveDeps, parts: readonly Waiting[]): Promise<void> {
  const [first] = parts;
  if (first && parts.length > 1) {
    try {
      const counts = await archiveTogether(
        deps,
        parts.map(({ part }) => part),
      );
      return parts.forEach(({ archived }, index) => archived(counts[index] ?? 0));
    } catch {
      // Told by the one whose fault it is, below.
    }
  }
  for (const { part, archived, failed } of parts) await archiveRecords(deps, part).then(archived, failed);
}
