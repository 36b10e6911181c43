export { isNotThereYet, openDatabase, type DatabaseOptions } from './database.js';
export { readStoredPositions, type StoredLogPosition } from './stored-positions.js';
export { preparedQueries, type Queries, type Transactions } from './prepared.js';
export { migrate, type MigrateOptions, type MigrationClass } from './migrate.js';
export {
  checkpointsMigration,
  moveCheckpoint,
  openCheckpoints,
  positionsMoved,
  readCheckpoint,
  type CheckpointKey,
  type CheckpointMove,
  type CheckpointOwner,
  type PositionsMoved,
} from './checkpoints.js';
export { ConcurrencyError, type Appended, type EventStore, type NewEvent, type StoredEvent } from './event-store.js';
export { memoryEventStore } from './memory-event-store.js';
export { eventsMigration, postgresEventStore, type PostgresEventStoreDeps } from './postgres-event-store.js';
export { handleCommand, type CommandDeps, type Handled, type Handling } from './handle-command.js';
export { startRelay, type Relay, type RelayOptions } from './relay.js';
export { openProcessRegister, type ProcessRegister } from './process-register.js';
