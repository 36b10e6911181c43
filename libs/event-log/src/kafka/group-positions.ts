import { ALL_TOPICS } from '@switchhook/contracts';
import type { GroupPosition } from '../event-log.js';
import { protocolType, type KafkaCluster } from './cluster.js';
import { committedOffsets } from './offsets.js';

/** What the broker calls a commit from outside to a group that has members, or is just getting some. */
const HAS_MEMBERS = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);
/** From nobody in particular: allowed for a group without members. */
const NOBODY = { memberId: '', groupGenerationId: -1 };

/** As `OperableLog.groupPositions`: of all groups whose name begins with the prefix. */
export async function groupPositions(kafka: KafkaCluster, topicPrefix: string): Promise<GroupPosition[]> {
  const partitions: Record<string, number[]> = {};
  for (const { name } of ALL_TOPICS) {
    partitions[topicPrefix + name] = (await kafka.leaders(topicPrefix + name)).map((_, partition) => partition);
  }
  const cluster = await kafka.connect();
  const positions: GroupPosition[] = [];
  for (const groupId of await groupIds(kafka)) {
    if (!groupId.startsWith(topicPrefix)) continue;
    const committed = await committedOffsets(await cluster.findGroupCoordinator({ groupId }), groupId, partitions);
    for (const [place, position] of committed) {
      const [topic = '', partition] = place.split(' ');
      const group = groupId.slice(topicPrefix.length);
      positions.push({ group, topic: topic.slice(topicPrefix.length), partition: Number(partition), position });
    }
  }
  return positions;
}

/** Every broker knows the groups that it coordinates. */
async function groupIds(kafka: KafkaCluster): Promise<string[]> {
  const cluster = await kafka.connect();
  const ids: string[] = [];
  for (const { nodeId } of cluster.brokerPool.metadata?.brokers ?? []) {
    const { groups } = await (await kafka.broker(nodeId)).listGroups();
    ids.push(...groups.map(({ groupId }) => groupId));
  }
  return ids;
}

/** As `OperableLog.setGroupPositions`; `groupId` and `topic` with prefix. */
export async function setGroupPositions(
  kafka: KafkaCluster,
  groupId: string,
  topic: string,
  positions: ReadonlyMap<number, number>,
): Promise<void> {
  const partitions = [...positions].map(([partition, position]) => ({ partition, offset: String(position) }));
  const cluster = await kafka.connect([topic]);
  const coordinator = await cluster.findGroupCoordinator({ groupId });
  try {
    await coordinator.offsetCommit({ groupId, ...NOBODY, topics: [{ topic, partitions }] });
  } catch (error) {
    if (!HAS_MEMBERS.has(protocolType(error) ?? '')) throw error;
    throw new Error(`Group ${groupId} has members: stop its service first`, { cause: error });
  }
}
