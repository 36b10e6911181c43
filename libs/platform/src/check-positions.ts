import { LostPositionsError, lostPositions, storedByGroups, type OperableLog } from '@switchhook/event-log';
import { readStoredPositions } from '@switchhook/event-store';
import type { DataSource } from 'typeorm';
import { StartError } from './start-error.js';

/**
 * Stops the start, before any consumer runs, when the log ends before a position that a group or a projection has stored: it
 * is not the log that it was, and what comes next would be taken for old (correctness.md §3). Throws `StartError`.
 */
export async function checkPositions(log: OperableLog, database: DataSource): Promise<void> {
  // Before the ends are read, or a log that grows meanwhile would look as if it had shrunk.
  const stored = [...(await readStoredPositions(database, log.identity)), ...(await storedByGroups(log))];
  const lost = await lostPositions(log, stored);
  if (lost.length > 0) throw new StartError(new LostPositionsError(lost).message);
}
