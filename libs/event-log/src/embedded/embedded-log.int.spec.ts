import { fileURLToPath } from 'node:url';
import { createDatabase } from '@switchhook/testing';
import type { EngineUnderTest } from '../conformance/engine-under-test.js';
import { eventLogConformance } from '../event-log.conformance.js';
import type { EventLog } from '../event-log.js';
import { silentLogger } from '../testing/silent-logger.js';
import { openEmbeddedLog } from './embedded-log.js';

const OPENER = fileURLToPath(new URL('../../dist/testing/open-embedded.js', import.meta.url));

async function makeEngine(): Promise<EngineUnderTest> {
  const database = await createDatabase();
  const opened: EventLog[] = [];
  return {
    async open() {
      const log = openEmbeddedLog({ databaseUrl: database.url, logger: silentLogger });
      opened.push(log);
      await log.start();
      return log;
    },
    // One process only: members share the process.
    openBeside: async (log) => log,
    childEnv: () => ({ EVENT_LOG_OPENER: OPENER, EVENT_LOG_DATABASE_URL: database.url }),
    // Compacted topics are kept whole: they are small, and positions stay without gaps.
    compact: async () => undefined,
    async dispose() {
      await Promise.all(opened.map((log) => log.close()));
      await database.drop();
    },
  };
}

eventLogConformance('embedded', makeEngine, { exactlyOnceOutputs: true, compacts: false, takeoverMs: 0 });
