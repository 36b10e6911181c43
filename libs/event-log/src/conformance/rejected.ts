import { HEADER, headerText, rejectedTopic, type HeaderValue, type RecordHeaders } from '@switchhook/contracts';
import { expect, it } from 'vitest';
import type { LogRecord, OutgoingRecord } from '../event-log.js';
import { toRejected } from '../rejected.js';
import { INPUT } from '../testing/records.js';
import { waitUntil } from '../testing/wait-until.js';
import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';
import { withEngine } from './with-engine.js';

const NOT_UTF8 = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x80]);
const good = (text: string): OutgoingRecord => ({ topic: INPUT, key: 'k', value: Buffer.from(text), headers: {} });
const BAD: OutgoingRecord = {
  topic: INPUT,
  key: 'k',
  value: Buffer.concat([Buffer.from('{"id":'), NOT_UTF8]),
  headers: { ce_id: 'bad', raw: NOT_UTF8, twice: ['one', NOT_UTF8], 'ü\u0000"': '☎ \u0000 "quoted"', empty: '' },
};
const BARE: OutgoingRecord = { topic: INPUT, key: null, value: null, headers: { bare: 'yes' } };

const bytesOf = (value: HeaderValue): Buffer[] =>
  (typeof value === 'string' || Buffer.isBuffer(value) ? [value] : [...value]).map((part) => Buffer.from(part));

const asBytes = (headers: RecordHeaders): Record<string, Buffer[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, bytesOf(value)]));

/** Headers that the engine's transport adds (tracing, say) are not of interest: only these and our own four. */
function expectIntact(rejected: LogRecord, sent: OutgoingRecord, place: { partition: number; position: number }): void {
  expect(rejected.key).toEqual(sent.key === null ? null : Buffer.from(sent.key));
  expect(rejected.value).toEqual(sent.value);
  expect(asBytes(rejected.headers)).toEqual({
    ...asBytes(sent.headers),
    [HEADER.reason]: [Buffer.from('unreadable: not for us')],
    [HEADER.topic]: [Buffer.from(INPUT)],
    [HEADER.partition]: [Buffer.from(String(place.partition))],
    [HEADER.offset]: [Buffer.from(String(place.position))],
  });
}

const isReadable = (record: LogRecord): boolean => record.value?.toString().startsWith('good') ?? false;

async function setsAside(engine: EngineUnderTest): Promise<void> {
  const log = await engine.open();
  const read: string[] = [];
  await log.consume({
    group: 'readers',
    topics: [INPUT],
    handle: async ({ records }) => {
      read.push(...records.filter(isReadable).map((record) => String(record.value)));
      return records
        .filter((record) => !isReadable(record))
        .map((record) => toRejected(record, 'unreadable', 'not for us'));
    },
  });
  const rejected: LogRecord[] = [];
  await log.follow(rejectedTopic(INPUT), (records) => void rejected.push(...records));

  const places = await log.publish([good('good 1'), BAD, BARE, good('good 2')]);
  await waitUntil(
    () => read.length >= 2 && rejected.length >= 2,
    () => `read ${read.join()}, rejected ${rejected.length}`,
  );
  expect(read).toEqual(['good 1', 'good 2']);
  expect(places[3]?.partition, 'the unreadable record was in the way').toBe(places[1]?.partition);
  expect(rejected).toHaveLength(2);
  const bare = rejected.find((record) => headerText(record.headers, 'bare') === 'yes');
  const bad = rejected.find((record) => record !== bare);
  expectIntact(bad!, BAD, places[1]!);
  expectIntact(bare!, BARE, places[2]!);

  await keptIntactOnDisk(engine, log.close.bind(log), places.length);
}

/** The same bytes again after a restart: nothing was only in memory. */
async function keptIntactOnDisk(engine: EngineUnderTest, close: () => Promise<void>, count: number): Promise<void> {
  await close();
  const again = await engine.open();
  const records: LogRecord[] = [];
  const follower = await again.follow(INPUT, (batch) => void records.push(...batch));
  await follower.caughtUp;
  expect(records).toHaveLength(count);
  const bad = records.find((record) => headerText(record.headers, 'ce_id') === 'bad');
  expect(asBytes(bad!.headers)).toEqual(asBytes(BAD.headers));
  expect(bad!.value).toEqual(BAD.value);
  const bare = records.find((record) => headerText(record.headers, 'bare') === 'yes');
  expect([bare!.key, bare!.value]).toEqual([null, null]);
  await follower.close();
}

export function rejectedCases(makeEngine: MakeEngine): void {
  it(
    'sets a record that cannot be read aside, with the reason and every byte, and goes on with its partition',
    withEngine(makeEngine, setsAside),
  );
}
