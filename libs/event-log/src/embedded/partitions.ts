import type { TopicDeclaration } from '@switchhook/contracts';
import type { Place } from '../event-log.js';
import type { Sessions } from './sessions.js';
import { Partition } from './partition.js';

export interface Topic {
  readonly declaration: TopicDeclaration;
  readonly id: number;
  readonly partitions: readonly Partition[];
}

interface EndRow {
  topic: number;
  partition: number;
  earliest: string | null;
  last: string | null;
  skip: string | null;
  appended_at_ms: string | null;
}

/** All topics and partitions of the log, and how many bytes of records they keep in memory together. */
export class Partitions {
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<number, Topic>();
  #tailBytes = 0;

  constructor(
    private readonly declarations: readonly TopicDeclaration[],
    private readonly limitTailBytes: number,
  ) {}

  /** Throws for a topic that the log does not have. */
  topic(name: string): Topic {
    const topic = this.#byName.get(name);
    if (!topic) throw new Error(`The event log has no topic "${name}"`);
    return topic;
  }

  byId(topicId: number, partition: number): Partition | undefined {
    return this.#byId.get(topicId)?.partitions[partition];
  }

  all(): Partition[] {
    return [...this.#byName.values()].flatMap((topic) => [...topic.partitions]);
  }

  topics(): Topic[] {
    return [...this.#byName.values()];
  }

  /** Creates missing topics with `count` partitions; those that are there keep theirs, since keys are spread by it. */
  async load(sessions: Sessions, count: number): Promise<void> {
    await sessions.query({
      text: `INSERT INTO log.topics (name, partitions) SELECT name, $2 FROM unnest($1::text[]) AS name
             WHERE name NOT IN (SELECT name FROM log.topics)`,
      values: [this.declarations.map(({ name }) => name), count],
    });
    const { rows } = await sessions.query<{ id: number; name: string; partitions: number }>({
      text: 'SELECT id, name, partitions FROM log.topics',
    });
    for (const declaration of this.declarations) {
      const row = rows.find(({ name }) => name === declaration.name)!;
      const partitions = Array.from(
        { length: row.partitions },
        (_, number) => new Partition(declaration.name, row.id, number),
      );
      const topic = { declaration, id: row.id, partitions };
      this.#byName.set(declaration.name, topic);
      this.#byId.set(row.id, topic);
    }
    this.reset(await readEnds(sessions));
  }

  /** Sets every partition to what the database holds. */
  reset(ends: readonly End[]): void {
    for (const end of ends) this.byId(end.topicId, end.partition)?.reset(end);
    this.#tailBytes = 0;
  }

  /** Whether we know of records that the database does not have (any more). */
  areAheadOf(ends: readonly End[]): boolean {
    return ends.some((end) => end.next < (this.byId(end.topicId, end.partition)?.next ?? 0));
  }

  /** As `OperableLog.skipTo`. */
  async skipTo(sessions: Sessions, places: readonly Place[]): Promise<void> {
    const toSkip = ({ topic, partition, position }: Place): Skip => ({
      ...{ topicId: this.topic(topic).id, partition, position },
    });
    await storeSkips(sessions, places.map(toSkip));
    this.reset(await readEnds(sessions));
  }

  /** How far we know the partitions of which the database has less. */
  beyond(ends: readonly End[]): Skip[] {
    return ends.flatMap(({ topicId, partition, next }) => {
      const position = this.byId(topicId, partition)?.next ?? 0;
      return position > next ? [{ topicId, partition, position }] : [];
    });
  }

  /** Counts `bytes` that were pushed to tails and, over the limit, takes them from whoever has most. */
  grew(bytes: number): void {
    this.#tailBytes += bytes;
    if (this.#tailBytes <= this.limitTailBytes) return;
    const fullest = this.all()
      .filter((partition) => partition.tailBytes > 0)
      .sort((one, other) => other.tailBytes - one.tailBytes);
    // Down to 7/8, so that this runs now and then, not at each commit.
    const target = (this.limitTailBytes * 7) / 8;
    const level = levelFor(
      fullest.map((partition) => partition.tailBytes),
      target,
    );
    for (const partition of fullest) if (partition.tailBytes > level) partition.shrinkTo(level);
    this.#tailBytes = fullest.reduce((sum, partition) => sum + partition.tailBytes, 0);
  }
}

/** The height to which the fullest of `sizes` (falling) must be cut for all of them to be `target` together. */
export function levelFor(sizes: readonly number[], target: number): number {
  let rest = target;
  for (const [index, size] of [...sizes].reverse().entries()) {
    const share = rest / (sizes.length - index);
    if (size > share) return share;
    rest -= size;
  }
  return Infinity;
}

/** The next record of a partition stands at `position` at the earliest. */
export interface Skip {
  readonly topicId: number;
  readonly partition: number;
  readonly position: number;
}

/**
 * What was handed on beyond the end of the database may have left traces outside the log, which are written when the database
 * is back: positions of projections, for example. A record that took one of these positions anew would be taken for old.
 */
export async function storeSkips(sessions: Sessions, skips: readonly Skip[]): Promise<void> {
  if (skips.length === 0) return;
  await sessions.query({
    text: `INSERT INTO log.skips (topic, partition, position)
           SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[])
           ON CONFLICT (topic, partition) DO UPDATE SET position = greatest(skips.position, excluded.position)`,
    values: [
      skips.map(({ topicId }) => topicId),
      skips.map(({ partition }) => partition),
      skips.map(({ position }) => position),
    ],
  });
}

export interface End {
  readonly topicId: number;
  readonly partition: number;
  readonly earliest: number;
  readonly next: number;
  readonly lastAppendedAtMs: number;
}

/** What the database holds of each partition. */
export async function readEnds(sessions: Sessions): Promise<End[]> {
  const { rows } = await sessions.query<EndRow>({
    text: `
      SELECT t.id AS topic, p AS partition, first.position AS earliest, last.position AS last, last.appended_at_ms,
             s.position AS skip
      FROM log.topics t CROSS JOIN LATERAL generate_series(0, t.partitions - 1) AS p
      LEFT JOIN LATERAL (SELECT position FROM log.records r WHERE r.topic = t.id AND r.partition = p
                         ORDER BY position LIMIT 1) first ON true
      LEFT JOIN LATERAL (SELECT position, appended_at_ms FROM log.records r WHERE r.topic = t.id AND r.partition = p
                         ORDER BY position DESC LIMIT 1) last ON true
      LEFT JOIN log.skips s ON s.topic = t.id AND s.partition = p`,
  });
  return rows.map((row) => ({
    topicId: row.topic,
    partition: row.partition,
    earliest: Number(row.earliest ?? 0),
    next: Math.max(row.last === null ? 0 : Number(row.last) + 1, Number(row.skip ?? 0)),
    lastAppendedAtMs: Number(row.appended_at_ms ?? 0),
  }));
}
