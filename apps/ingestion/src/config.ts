/** What ingestion needs to know. Times are milliseconds. */
export interface IngestionConfig {
  /** A name is kept for at least 24 h (interfaces.md); the hour of the row is whole, hence one more. */
  readonly namesKeptHours: number;
  readonly cleanupEveryMs: number;
  /** An answer, 503 included, comes within 5 s; this leaves room to write it. */
  readonly acceptDeadlineMs: number;
  /** Bytes of events that wait for the log at a time; beyond it requests are answered 503 at once. */
  readonly waitingBytesMax: number;
}

/** Nothing here is a setting yet: what the process shares (log, database, directories) is configured by the platform. */
export const readIngestionConfig = (_env: NodeJS.ProcessEnv): IngestionConfig => ({
  namesKeptHours: 25,
  cleanupEveryMs: 60_000,
  acceptDeadlineMs: 4_500,
  waitingBytesMax: 64 * 1024 * 1024,
});
