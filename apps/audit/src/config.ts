/** What audit needs to know. */
export interface AuditConfig {
  /** Most records in one batch: the more, the fewer transactions. */
  readonly batchRecords: number;
}

/** Nothing here is a setting yet: what the process shares (log, database, directories) is configured by the platform. */
export const readAuditConfig = (_env: NodeJS.ProcessEnv): AuditConfig => ({ batchRecords: 2_000 });
