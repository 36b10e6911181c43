import { TOPICS } from '@switchhook/contracts';
import { openEmbeddedLog, type OperableLog } from '@switchhook/event-log';
import { openDatabase } from '@switchhook/event-store';
import { createDatabase } from '@switchhook/testing';
import { expect, it } from 'vitest';
import { checkPositions } from './check-positions.js';

const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Starts with a group that has come to position 5 of an empty partition of `topic`. */
async function startBeyond(topic: string, look: (log: OperableLog) => Promise<void>): Promise<void> {
  const { url, drop } = await createDatabase();
  const database = await openDatabase({ url, applicationName: 'spec', log: () => undefined });
  const log = openEmbeddedLog({ databaseUrl: url, logger });
  try {
    await log.start();
    await log.setGroupPositions('a group', topic, new Map([[0, 5]]));
    await checkPositions(log, database);
    await look(log);
  } finally {
    await log.close();
    await database.destroy();
    await drop();
  }
}

it('an embedded log that was killed with its last outcomes not on the disk goes on behind them', async () => {
  await startBeyond(TOPICS.outcomes.name, async (log) => {
    expect((await log.ends(TOPICS.outcomes.name))[0]).toBe(5);
    // Nothing is wrong with it the next time.
    await log.skipTo!([]);
    expect((await log.ends(TOPICS.outcomes.name))[0]).toBe(5);
  });
});

it.each([TOPICS.events.name, TOPICS.webhooks.name])(
  'a log that has lost records of %s stops the start',
  async (topic) => {
    await expect(startBeyond(topic, async () => undefined)).rejects.toThrow(/has lost records.*accept-loss/);
  },
);
