export { isNotThereYet, openDatabase, type DatabaseOptions } from './database.js';
export { migrate, type MigrateOptions, type MigrationClass } from './migrate.js';
export {
  checkpointsMigration,
  moveCheckpoint,
  readCheckpoint,
  type CheckpointKey,
  type CheckpointMove,
} from './checkpoints.js';
