import { setTimeout as pause } from 'node:timers/promises';
import { TRANSACTION_BYTES, archiveRecords, archiveTogether, type ArchiveDeps, type Part } from './archive.js';

interface Waiting {
  readonly part: Part;
  readonly bytes: number;
  readonly archived: (count: number) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * What comes within this time is archived in one transaction. The archive is not urgent (the log follows a delivery within
 * 2 s), and a transaction for each of two dozen partitions each time costs the path that calls wait for more than the
 * records themselves (performance.md §2, "What is not urgent must not be eager").
 */
const GATHER_MS = 50;
/**
 * A second's records of some hundred deliveries: then what was asked for and what came of it meet in one transaction and are one
 * row, not a row and its update. Preparing them lets go of the thread in between (archive.ts). Where more
 * waits, half of it is taken: on a thread that is never idle every statement of a transaction waits for its turn, so few must do.
 */
const RECORDS_AT_ONCE = 1_000;

/** Archives a part together with what else waits. Resolves with how many of its records were new; rejects as its own failure. */
export type Gather = (part: Part) => Promise<number>;

/** One transaction at a time, so that the archive never takes more than one connection from the path. */
export function gatherer(deps: ArchiveDeps, gatherMs = GATHER_MS, recordsAtOnce = RECORDS_AT_ONCE): Gather {
  let waiting: Waiting[] = [];
  let running = false;

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const fitting = takeFitting(waiting, recordsAtOnce);
      if (fitting.length === waiting.length) await pause(gatherMs);
      const taken = takeFitting(waiting, recordsAtOnce);
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

/** The longest beginning that fits into one transaction; the first always does. */
function takeFitting(parts: readonly Waiting[], recordsAtOnce: number): Waiting[] {
  let bytes = 0;
  let records = 0;
  const limit = Math.max(recordsAtOnce, recordsOf(parts) / 2);
  const end = parts.findIndex((waiting, index) => {
    bytes += waiting.bytes;
    records += waiting.part.length;
    return index > 0 && (bytes > TRANSACTION_BYTES || records > limit);
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
