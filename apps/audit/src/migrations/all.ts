import { checkpointsMigration, type MigrationClass } from '@switchhook/event-store';
import { Archive1700000001000 } from './0001-archive.js';
import { Views1700000002000 } from './0002-views.js';
import { WaitingSince1700000003000 } from './0003-waiting-since.js';
import { AttemptTarget1700000004000 } from './0004-attempt-target.js';

/** Everything in the schema `audit`. */
export const AUDIT_MIGRATIONS: readonly MigrationClass[] = [
  checkpointsMigration('audit'),
  Archive1700000001000,
  Views1700000002000,
  WaitingSince1700000003000,
  AttemptTarget1700000004000,
];
