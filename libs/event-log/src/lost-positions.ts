import { ALL_TOPICS } from '@switchhook/contracts';
import type { EventLog, OperableLog } from './event-log.js';

/** A position that somebody has stored somewhere: the next that he wants. */
export interface StoredPosition {
  /** For the message: `group delivery`, `audit.checkpoints archive`. */
  readonly owner: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
}

export interface LostPosition extends StoredPosition {
  /** Where the partition ends: records from here to `position` were there once. */
  readonly end: number;
}

/** Stored positions beyond the end of a topic: under the same identity it is not the topic that it was (correctness.md §3). */
export class LostPositionsError extends Error {
  constructor(readonly lost: readonly LostPosition[]) {
    const faults = lost.map(
      ({ owner, topic, partition, position, end }) =>
        `${topic} partition ${partition} ends at ${end}, but ${owner} has come to ${position}`,
    );
    const topics = [...new Set(lost.map(({ topic }) => topic))];
    super(
      `The event log has lost records: ${faults.join('; ')}. Bring them back, or, to go on without them: ` +
        topics.map((topic) => `npm run topics -- accept-loss ${topic}`).join(' && '),
    );
  }
}

/** Which of `stored` (read before this is called) are beyond the end of their topic. Topics that are not the log's are left out. */
export async function lostPositions(log: EventLog, stored: readonly StoredPosition[]): Promise<LostPosition[]> {
  const lost: LostPosition[] = [];
  for (const { name } of ALL_TOPICS) {
    const ofTopic = stored.filter(({ topic }) => topic === name);
    if (ofTopic.length === 0) continue;
    const ends = await log.ends(name);
    for (const one of ofTopic) {
      const end = ends[one.partition] ?? 0;
      if (one.position > end) lost.push({ ...one, end });
    }
  }
  return lost;
}

/** The progress of all groups, as `lostPositions` wants it. */
export async function storedByGroups(log: OperableLog): Promise<StoredPosition[]> {
  const positions = await log.groupPositions();
  return positions.map(({ group, ...place }) => ({ owner: `group ${group}`, ...place }));
}
