import type { TokenRate } from '@switchhook/domain';
import { SettingsSchema, loadConfig } from '@switchhook/platform';

/** What ingestion needs to know. Times are milliseconds. */
export interface IngestionConfig {
  /** A name is kept for at least 24 h (interfaces.md); the hour of the row is whole, hence one more. */
  readonly namesKeptHours: number;
  readonly cleanupEveryMs: number;
  /** An answer, 503 included, comes within 5 s; this leaves room to write it. */
  readonly acceptDeadlineMs: number;
  /** Bytes of events that wait for the log at a time; beyond it requests are answered 503 at once. */
  readonly waitingBytesMax: number;
  /** Deliveries of one account that take the normal topic; what is above takes the bulk topic. Of this process. */
  readonly accountRate: TokenRate;
}

/** What ingestion reads from the environment beyond what every service reads. Throws one error that lists every fault. */
export function readIngestionConfig(env: NodeJS.ProcessEnv): IngestionConfig {
  const settings = loadConfig(
    SettingsSchema.pick({ SWITCHHOOK_ACCOUNT_RATE: true, SWITCHHOOK_ACCOUNT_BURST: true }),
    env,
  );
  return {
    namesKeptHours: 25,
    cleanupEveryMs: 60_000,
    acceptDeadlineMs: 4_500,
    waitingBytesMax: 64 * 1024 * 1024,
    accountRate: { perSecond: settings.SWITCHHOOK_ACCOUNT_RATE, burst: settings.SWITCHHOOK_ACCOUNT_BURST },
  };
}
