import type { Broker } from 'kafkajs/src/broker/index.js';
import type { KafkaCluster } from './cluster.js';
import type { Assignment } from './group-member.js';
import { BEGINNING, END, committedOffsets, listOffsets } from './offsets.js';
import type { FeedPlace } from './partition-feed.js';

/** A stored position lies beyond the end: the topic is not the one it was (correctness.md §3). */
export class PositionBeyondEndError extends Error {}

export interface GroupPlacesDeps {
  readonly kafka: KafkaCluster;
  readonly coordinator: Broker;
  /** With prefix. */
  readonly groupId: string;
  readonly note: (words: string) => void;
}

/** Where `groupId` goes on in each partition of `assignment`, and where each ends. Throws `PositionBeyondEndError`. */
export async function groupPlaces(assignment: Assignment, deps: GroupPlacesDeps): Promise<FeedPlace[]> {
  const { kafka, coordinator, groupId } = deps;
  const committed = await committedOffsets(coordinator, groupId, assignment);
  const places = await Promise.all(
    Object.entries(assignment).map(async ([topic, partitions]) => {
      const [starts, ends] = await Promise.all([
        listOffsets(kafka, topic, BEGINNING, partitions),
        listOffsets(kafka, topic, END, partitions),
      ]);
      return partitions.map((partition) => {
        const [first, end] = [starts[partition] ?? 0, ends[partition] ?? 0];
        const stored = committed.get(`${topic} ${partition}`) ?? first;
        return { topic, partition, end, start: startOf({ topic, partition, stored, first, end }, deps) };
      });
    }),
  );
  return places.flat();
}

interface Stored {
  readonly topic: string;
  readonly partition: number;
  readonly stored: number;
  readonly first: number;
  readonly end: number;
}

function startOf({ topic, partition, stored, first, end }: Stored, { groupId, note }: GroupPlacesDeps): number {
  if (stored > end) {
    throw new PositionBeyondEndError(
      `Group ${groupId} has finished ${topic} partition ${partition} up to ${stored}, but the topic ends at ` +
        `${end}: it is not the topic that it was. If that loss is accepted: npm run topics -- accept-loss ${topic}`,
    );
  }
  if (stored < first) note(`${topic} ${partition}: positions ${stored} to ${first} were deleted unread`);
  return Math.max(stored, first);
}
