import { openCheckpoints, positionsMoved, type PositionsMoved, type Queries } from '@switchhook/event-store';
import type { LogRecord } from '@switchhook/event-log';

/** Up to where a partition is archived, and up to where it is to be. */
export interface Move {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

type Place = Pick<Move, 'topic' | 'partition'>;

/**
 * Up to where each partition is archived. What was last seen is remembered: it is compared when it is moved, so what is
 * remembered wrongly costs another try and nothing else.
 */
export class ArchivePositions {
  readonly #next = new Map<string, number>();

  constructor(
    private readonly database: Queries,
    private readonly identity: string,
  ) {}

  /** The position to archive next in the partition of each of `parts` (each in order, of one partition, not empty). */
  async of(parts: readonly (readonly LogRecord[])[]): Promise<number[]> {
    const firsts = parts.map(([first]) => first!);
    const remembered = firsts.map((first) => this.#next.get(keyOf(first)));
    // Only what is new goes by memory: a database that was set back has less than is remembered, and must be asked.
    if (remembered.every((next, index) => next !== undefined && next <= firsts[index]!.position)) {
      return remembered as number[];
    }
    const stored = await openCheckpoints(this.database, this.#owner, firsts);
    firsts.forEach((first, index) => this.#next.set(keyOf(first), stored[index]!));
    return stored;
  }

  /** How the statement begins that archives what `moves` move past. */
  moved(moves: readonly Move[]): PositionsMoved {
    return positionsMoved(this.#owner, moves);
  }

  remember(moves: readonly Move[]): void {
    for (const move of moves) this.#next.set(keyOf(move), move.to);
  }

  /** After a move that failed, or of which it is not known whether it did. */
  forget(moves: readonly Move[]): void {
    for (const move of moves) this.#next.delete(keyOf(move));
  }

  get #owner() {
    return { schema: 'audit', consumer: 'archive', identity: this.identity };
  }
}

const keyOf = ({ topic, partition }: Place): string => `${topic} ${partition}`;
