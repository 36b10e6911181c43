/*
 * The program that the conformance suite kills: it consumes INPUT in a group and answers each record with one on OUTPUT.
 * Lines on stdout: `batch` after each batch that was handed on, `complete` when every one of EXPECTED inputs has an output.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../event-log.js';
import { INPUT, OUTPUT, keyOf, numbered, sequenceOf } from './records.js';

interface Opener {
  openFromEnv(env: NodeJS.ProcessEnv): EventLog;
}

// Ends with whoever started it, also when that was killed.
process.stdin.on('end', () => process.exit()).resume();

const { openFromEnv }: Opener = await import(String(process.env.EVENT_LOG_OPENER));
const expected = Number(process.env.EXPECTED);
const log = openFromEnv(process.env);
await log.start();

const seen = new Set<string>();
await log.follow(OUTPUT, (records) => {
  for (const record of records) seen.add(`${keyOf(record)} ${sequenceOf(record)}`);
  if (seen.size === expected) console.log('complete');
});

await log.consume({
  group: 'deriver',
  topics: [INPUT],
  batchRecords: 20,
  handle: async ({ records }) => {
    // Slow enough that a kill finds every state: handed on, handled, appended, committed.
    await sleep(10);
    console.log('batch');
    return records.map((record) => numbered(OUTPUT, keyOf(record), sequenceOf(record)));
  },
});
