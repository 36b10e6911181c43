import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../start-error.js';

const SQLITE_BUSY = 5;

/** Another process has the data folder. */
export class FolderInUseError extends StartError {}

/**
 * Takes a data folder for this process and returns what gives it back; throws one clear message while another process has
 * it. The lock is the operating system's (through SQLite, which is the only one that Node offers on every platform), so a
 * killed process leaves none behind and two starts cannot both find "the old one is stale".
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const lock = new DatabaseSync(join(folder, 'lock'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new FolderInUseError(
      `Another Switchhook is using ${folder}. Stop it, or set SWITCHHOOK_DATA to a folder of this one's own.`,
    );
  }
  return () => lock.close();
}
