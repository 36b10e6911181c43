/** What audit needs to know. */
export interface AuditConfig {
  /** Most records in one batch: the more, the fewer transactions. */
  readonly batchRecords: number;
  /**
   * Transactions at a time. All services of a process share one pool of connections, and the archive, which may fall behind,
   * must not take those of the path that calls wait for.
   */
  readonly transactions: number;
}

/** Nothing here is a setting yet: what the process shares (log, database, directories) is configured by the platform. */
export const readAuditConfig = (_env: NodeJS.ProcessEnv): AuditConfig => ({ batchRecords: 2_000, transactions: 2 });
