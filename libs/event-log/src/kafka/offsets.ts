import type { Broker } from 'kafkajs/src/broker/index.js';
import type { KafkaCluster } from './cluster.js';

/** Special times of ListOffsets. */
export const END = -1;
export const BEGINNING = -2;
const READ_COMMITTED = 1;

/**
 * By partition number: the position of the first record whose append time is not before `timeMs` (or `END`, `BEGINNING`);
 * -1 when there is none. `topic` with prefix.
 */
export async function listOffsets(
  kafka: KafkaCluster,
  topic: string,
  timeMs: number,
  only?: readonly number[],
): Promise<number[]> {
  const leaders = await kafka.leaders(topic);
  const wanted = only ?? leaders.map((_, partition) => partition);
  const positions = new Array<number>(leaders.length).fill(-1);
  const byLeader = Map.groupBy(wanted, (partition) => leaders[partition]);
  await Promise.all(
    [...byLeader].map(async ([leader, partitions]) => {
      if (leader === undefined) throw new Error(`${topic} ${partitions[0]} has no leader at present`);
      const broker = await kafka.broker(leader);
      const asked = partitions.map((partition) => ({ partition, timestamp: timeMs }));
      const { responses } = await broker.listOffsets({
        isolationLevel: READ_COMMITTED,
        topics: [{ topic, partitions: asked }],
      });
      for (const { partition, offset } of responses[0]?.partitions ?? []) positions[partition] = Number(offset);
    }),
  );
  return positions;
}

/** What `group` has committed, by `topic partition`; nothing for a partition without. Names with prefix. */
export async function committedOffsets(
  coordinator: Broker,
  group: string,
  partitions: Readonly<Record<string, readonly number[]>>,
): Promise<Map<string, number>> {
  const topics = Object.entries(partitions).map(([topic, numbers]) => ({
    topic,
    partitions: numbers.map((partition) => ({ partition })),
  }));
  const { responses } = await coordinator.offsetFetch({ groupId: group, topics });
  const committed = new Map<string, number>();
  for (const response of responses) {
    for (const { partition, offset } of response.partitions) {
      if (Number(offset) >= 0) committed.set(`${response.topic} ${partition}`, Number(offset));
    }
  }
  return committed;
}
