import { declarationOf } from '@switchhook/contracts';
import {
  LostPositionsError,
  lostPositions,
  storedByGroups,
  type LostPosition,
  type OperableLog,
} from '@switchhook/event-log';
import { readStoredPositions } from '@switchhook/event-store';
import type { DataSource } from 'typeorm';
import { StartError } from './start-error.js';

/**
 * Stops the start, before any consumer runs, when the log ends before a position that a group or a projection has stored: it
 * is not the log that it was, and what comes next would be taken for old (correctness.md §3). Throws `StartError` where
 * that was on the disk. What an embedded log had not yet written to the disk is made again, behind these positions.
 */
export async function checkPositions(log: OperableLog, database: DataSource): Promise<void> {
  // Before the ends are read, or a log that grows meanwhile would look as if it had shrunk.
  const stored = [...(await readStoredPositions(database, log.identity)), ...(await storedByGroups(log))];
  const lost = await lostPositions(log, stored);
  const isMadeAgain = ({ topic }: LostPosition): boolean => !!log.skipTo && declarationOf(topic).derived === true;
  const gone = lost.filter((one) => !isMadeAgain(one));
  if (gone.length > 0) throw new StartError(new LostPositionsError(gone).message);
  // Log and positions are in one database. It was killed, and we soon after, before the log could see that its last commits were lost.
  if (lost.length > 0) await log.skipTo?.(lost);
}
