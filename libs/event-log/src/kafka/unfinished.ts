import type { KafkaCluster } from './cluster.js';
import { BEGINNING, END, committedOffsets, listOffsets } from './offsets.js';
import type { Settings } from './options.js';
import { readOnce } from './reader.js';

/** One record is wanted; a broker answers with a whole batch at least, whatever its size. */
const ONE = { minBytes: 1, maxBytes: 1024 * 1024, partitionBytes: 1 };

interface Asked {
  /** With prefix. */
  readonly groupId: string;
  readonly topic: string;
}

/** As `EventLog.unfinishedSince`. */
export async function unfinishedSince(
  kafka: KafkaCluster,
  { groupId, topic }: Asked,
  settings: Settings,
): Promise<(number | undefined)[]> {
  const partitions = (await kafka.leaders(topic)).map((_, partition) => partition);
  const coordinator = await (await kafka.connect([topic])).findGroupCoordinator({ groupId });
  const [committed, starts, ends] = await Promise.all([
    committedOffsets(coordinator, groupId, { [topic]: partitions }),
    listOffsets(kafka, topic, BEGINNING),
    listOffsets(kafka, topic, END),
  ]);
  return Promise.all(
    partitions.map((partition) => {
      const first = starts[partition] ?? 0;
      const position = Math.max(first, committed.get(`${topic} ${partition}`) ?? first);
      return firstTime(kafka, { topic, partition, position }, ends[partition] ?? 0, settings);
    }),
  );
}

/** When the broker took the first record from `position` to before `end`; undefined where there is none. */
async function firstTime(
  kafka: KafkaCluster,
  place: { readonly topic: string; readonly partition: number; readonly position: number },
  end: number,
  settings: Settings,
): Promise<number | undefined> {
  for (let { position } = place; position < end;) {
    const { records, next } = await readOnce(kafka, { ...place, position }, settings, ONE);
    if (records[0]) return records[0].appendedAtMs;
    // Nothing at all: what was there is compacted away.
    if (next === position) return undefined;
    position = next;
  }
  return undefined;
}
