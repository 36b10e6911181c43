import { checkpointsMigration, type MigrationClass } from '@switchhook/event-store';
import { Schedule1700000000001 } from './0001-schedule.js';
import { Gates1700000000002 } from './0002-gates.js';
import { Subjects1700000000003 } from './0003-subjects.js';
import { ParkedWithoutPlace1700000000004 } from './0004-parked-without-place.js';

/** Everything in the schema `delivery`. */
export const DELIVERY_MIGRATIONS: readonly MigrationClass[] = [
  checkpointsMigration('delivery'),
  Schedule1700000000001,
  Gates1700000000002,
  Subjects1700000000003,
  ParkedWithoutPlace1700000000004,
];
