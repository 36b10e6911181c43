import { openEmbeddedLog } from '../embedded/embedded-log.js';
import type { EventLog } from '../event-log.js';
import { silentLogger } from './silent-logger.js';

/** For the conformance suite's child process. */
export const openFromEnv = (env: NodeJS.ProcessEnv): EventLog =>
  openEmbeddedLog({ databaseUrl: String(env.EVENT_LOG_DATABASE_URL), logger: silentLogger });
