import type { Follower, LogRecord, ReadFrom } from '../event-log.js';
import { backoffMs, pause } from '../backoff.js';
import { KafkaCluster, reasonOf } from './cluster.js';
import type { FetchWatch } from './fetch-watch.js';
import { Fetcher } from './fetcher.js';
import type { HealthBook } from './health-book.js';
import { BEGINNING, END, listOffsets } from './offsets.js';
import type { Settings } from './options.js';
import { PartitionFeed } from './partition-feed.js';
import { fetchRequest, type FetchOptions } from './protocol.js';
import { decodeBatches } from './record-batch.js';
import type { RecordQueueDeps } from './record-queue.js';

const FETCHING = { minBytes: 1, maxBytes: 4 * 1024 * 1024, partitionBytes: 1024 * 1024 };
const BATCH_RECORDS = 500;
const AWAY_GRACE_MS = 5_000;
const HELD_GRACE_MS = 30_000;

export interface FollowDeps {
  readonly settings: Settings;
  readonly health: HealthBook;
  readonly watch: FetchWatch;
  readonly onClosed: (follower: Follower) => void;
}

/** As `EventLog.follow`; `topic` without prefix. */
export async function follow(
  topic: string,
  onRecords: (records: readonly LogRecord[]) => void | Promise<void>,
  deps: FollowDeps,
): Promise<Follower> {
  const { settings, health, watch } = deps;
  const name = `follow ${topic}`;
  const control = new KafkaCluster(settings);
  const full = settings.topicPrefix + topic;
  const stopping = new AbortController();
  const pace = { ...FETCHING, waitMs: settings.fetchWaitMs };
  const [starts, ends] = await untilAnswered(control, stopping.signal, async () =>
    Promise.all([listOffsets(control, full, BEGINNING), listOffsets(control, full, END)]),
  );
  const fetcher = new Fetcher(new KafkaCluster(settings), settings, () => pace, {
    failed: (reason) => void health.failing(name, `Cannot read ${topic}: ${reason}`, AWAY_GRACE_MS),
    fetched: () => void health.working(name),
  });
  const feeds = starts.map((start, partition) => {
    const queueDeps = {
      ...feedReports(topic, partition, deps),
      handle: async (records: readonly LogRecord[]) => onRecords(records),
      batchRecords: BATCH_RECORDS,
      signal: stopping.signal,
      onRoom: () => fetcher.hurry(),
    };
    return new PartitionFeed({ topic: full, partition, start, end: ends[partition] ?? 0 }, queueDeps, (feed) => {
      // What a compacted or expired topic begins with now.
      void untilAnswered(control, stopping.signal, async () => listOffsets(control, full, BEGINNING, [partition])).then(
        (first) => feed.skipTo(Math.max(feed.position, first[partition] ?? 0)),
        () => undefined,
      );
    });
  });
  fetcher.replace(feeds);
  watch.add(fetcher, `The reader of ${topic}`);
  const reach = async (to: readonly number[]): Promise<void> => {
    await Promise.all(feeds.map((feed, partition) => feed.queue.reached(to[partition] ?? 0)));
  };
  const follower: Follower = {
    caughtUp: reach(ends),
    reachEnd: async () =>
      reach(await untilAnswered(control, stopping.signal, async () => listOffsets(control, full, END))),
    close: async () => {
      stopping.abort();
      watch.forget(fetcher);
      await Promise.all([fetcher.stop(), control.close(), ...feeds.map((feed) => feed.queue.idle())]);
      health.working(name);
      feeds.forEach((_, partition) => health.working(`${name}/${partition}`));
      deps.onClosed(follower);
    },
  };
  return follower;
}

function feedReports(
  topic: string,
  partition: number,
  { health, settings }: FollowDeps,
): Pick<RecordQueueDeps, 'onFailure' | 'onRecovered'> {
  const at = `follow ${topic}/${partition}`;
  return {
    onFailure: (error, failures, held) => {
      health.failing(at, `The reader of ${topic} refuses records: ${reasonOf(error)}`, HELD_GRACE_MS);
      if (!held) settings.logger.error({ err: error, topic, partition, failures }, 'Records are read again');
    },
    onRecovered: () => void health.working(at),
  };
}

/** As `EventLog.read`; `topic` without prefix. */
export async function* read(
  topic: string,
  partition: number,
  range: { readonly from: ReadFrom; readonly to: number },
  settings: Settings,
): AsyncGenerator<readonly LogRecord[]> {
  const kafka = new KafkaCluster(settings);
  const full = settings.topicPrefix + topic;
  const never = new AbortController().signal;
  try {
    let position = await untilAnswered(kafka, never, async () => firstPosition(kafka, full, partition, range));
    while (position < range.to) {
      const from = position;
      const { records, next } = await untilAnswered(kafka, never, async () =>
        readOnce(kafka, { topic: full, partition, position: from }, settings),
      );
      const wanted = records.filter((record) => record.position < range.to);
      for (let at = 0; at < wanted.length; at += BATCH_RECORDS) yield wanted.slice(at, at + BATCH_RECORDS);
      // Nothing at all between here and an end that is beyond `to`: the last records were compacted away.
      position = next === from ? range.to : next;
    }
  } finally {
    await kafka.close();
  }
}

async function firstPosition(
  kafka: KafkaCluster,
  topic: string,
  partition: number,
  { from, to }: { readonly from: ReadFrom; readonly to: number },
): Promise<number> {
  const asked = 'timeMs' in from ? from.timeMs : BEGINNING;
  const found = (await listOffsets(kafka, topic, asked, [partition]))[partition] ?? -1;
  if ('timeMs' in from) return found < 0 ? to : found;
  return Math.max(from.position, found);
}

interface ReadPlace {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

/** One fetch from a place on: its records, and where to go on. */
export async function readOnce(
  kafka: KafkaCluster,
  place: ReadPlace,
  settings: Settings,
  fetching: Omit<FetchOptions, 'waitMs'> = FETCHING,
): Promise<{ records: LogRecord[]; next: number }> {
  const leader = (await kafka.leaders(place.topic))[place.partition];
  if (leader === undefined) throw new Error(`${place.topic} ${place.partition} has no leader at present`);
  const [answer] = await kafka.send(leader, fetchRequest([place], { ...fetching, waitMs: settings.fetchWaitMs }));
  if (!answer || answer.errorCode !== 0) {
    await kafka.refresh();
    throw new Error(`${place.topic} ${place.partition} answers error ${answer?.errorCode ?? 'nothing'}`);
  }
  const topic = place.topic.slice(settings.topicPrefix.length);
  return decodeBatches(answer.bytes, { topic, partition: place.partition, from: place.position }, answer.aborted);
}

/** The answer of `ask`, asked again with fresh connections while it fails; throws only when `signal` is aborted. */
export async function untilAnswered<T>(kafka: KafkaCluster, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await ask();
    } catch (error) {
      failures += 1;
      if (signal.aborted) throw error;
      kafka.discard();
      await pause(backoffMs(failures, 50, 1_000), signal);
    }
  }
}
