import { HEADER, rejectedTopic } from '@switchhook/contracts';
import type { LogRecord, OperableLog, OutgoingRecord, ReadFrom } from './event-log.js';

/** The group whose progress says what of a `.rejected` topic was put back already. */
const REDRIVE = 'redrive';
const OURS: ReadonlySet<string> = new Set([HEADER.reason, HEADER.topic, HEADER.partition, HEADER.offset]);

/**
 * Lets `group` begin again in `topic`, in every partition at `to` or at the first record behind it (the end, when there is
 * none). Answers the new positions by partition. Rejects while the group has members.
 */
export async function rewindGroup(log: OperableLog, group: string, topic: string, to: ReadFrom): Promise<number[]> {
  const ends = await log.ends(topic);
  const positions: number[] = [];
  for (const [partition, end] of ends.entries()) positions.push(await firstFrom(log, topic, partition, to, end));
  await log.setGroupPositions(group, topic, new Map(positions.entries()));
  return positions;
}

async function firstFrom(
  log: OperableLog,
  topic: string,
  partition: number,
  from: ReadFrom,
  end: number,
): Promise<number> {
  for await (const [first] of log.read(topic, partition, from, end)) if (first) return first.position;
  return end;
}

/** Sets every group that has come further in `topic` than its end back to that end. Answers how many positions that were. */
export async function acceptGroupLoss(log: OperableLog, topic: string): Promise<number> {
  const stored = (await log.groupPositions()).filter((one) => one.topic === topic);
  const ends = await log.ends(topic);
  const lost = stored.filter(({ partition, position }) => position > (ends[partition] ?? 0));
  for (const [group, ofGroup] of Map.groupBy(lost, (one) => one.group)) {
    const positions = new Map(ofGroup.map(({ partition }) => [partition, ends[partition] ?? 0]));
    await log.setGroupPositions(group, topic, positions);
  }
  return lost.length;
}

/**
 * Puts what was rejected from `topic` back, with its key, value and headers as they were; what an earlier call has put back
 * stays out. Answers how many records that were. A call that dies may put up to one batch back twice.
 */
export async function redriveRejected(log: OperableLog, topic: string): Promise<number> {
  const source = rejectedTopic(topic);
  const stored = (await log.groupPositions()).filter((one) => one.group === REDRIVE && one.topic === source);
  const ends = await log.ends(source);
  let count = 0;
  for (const [partition, end] of ends.entries()) {
    const position = stored.find((one) => one.partition === partition)?.position ?? 0;
    for await (const records of log.read(source, partition, { position }, end)) {
      await log.publish(records.map((record) => asItWas(record, topic)));
      const last = records.at(-1)?.position ?? position;
      await log.setGroupPositions(REDRIVE, source, new Map([[partition, last + 1]]));
      count += records.length;
    }
  }
  return count;
}

function asItWas({ key, value, headers }: LogRecord, topic: string): OutgoingRecord {
  return {
    topic,
    key,
    value,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OURS.has(name))),
  };
}
