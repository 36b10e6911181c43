import type { GroupPosition } from '../event-log.js';
import type { Sessions } from './sessions.js';

/** How far a group is with one partition: the next position that it wants. */
export interface Move {
  readonly group: string;
  readonly topicId: number;
  readonly partition: number;
  readonly position: number;
}

const keyOf = (group: string, topicId: number, partition: number): string => `${topicId}/${partition}/${group}`;

/** The positions of all groups: what members know, and which of it the database does not have yet. */
export class Progress {
  readonly #positions = new Map<string, number>();
  readonly #unsaved = new Map<string, Move>();

  async load(sessions: Sessions): Promise<void> {
    const { rows } = await sessions.query<{ group_name: string; topic: number; partition: number; position: string }>({
      text: 'SELECT group_name, topic, partition, position FROM log.offsets',
    });
    this.#positions.clear();
    this.#unsaved.clear();
    for (const row of rows) this.#positions.set(keyOf(row.group_name, row.topic, row.partition), Number(row.position));
  }

  /** Undefined when the group has never been here. */
  of(group: string, topicId: number, partition: number): number | undefined {
    return this.#positions.get(keyOf(group, topicId, partition));
  }

  /** The groups that have been at this partition. */
  groups(topicId: number, partition: number, topic: string): GroupPosition[] {
    const place = keyOf('', topicId, partition);
    return [...this.#positions]
      .filter(([key]) => key.startsWith(place))
      .map(([key, position]) => ({ group: key.slice(place.length), topic, partition, position }));
  }

  /** Notes a move that goes into the next commit. */
  note(move: Move): void {
    const key = keyOf(move.group, move.topicId, move.partition);
    if ((this.#positions.get(key) ?? -1) >= move.position) return;
    this.#positions.set(key, move.position);
    this.#unsaved.set(key, move);
  }

  /** Notes a move that is in the database with the records that it belongs to. What waited to be saved before it must not undo it. */
  saved(move: Move): void {
    const key = keyOf(move.group, move.topicId, move.partition);
    this.#positions.set(key, move.position);
    if ((this.#unsaved.get(key)?.position ?? Infinity) <= move.position) this.#unsaved.delete(key);
  }

  get isSaved(): boolean {
    return this.#unsaved.size === 0;
  }

  /** What is to be saved of the groups that `isFree` lets through: for a commit that is repeated until it is there. */
  takeUnsaved(isFree: (group: string) => boolean): Move[] {
    const moves = [...this.#unsaved].filter(([, { group }]) => isFree(group));
    for (const [key] of moves) this.#unsaved.delete(key);
    return moves.map(([, move]) => move);
  }
}
