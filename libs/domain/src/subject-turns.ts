/** A delivery in the order of its subject: the place of its event on the log says who comes first. */
export interface Ticket {
  readonly id: string;
  readonly sequence: number;
}

interface Turn {
  /** Whose turn it is; nobody's until the schedule has said who is first of those that wait. */
  current: Ticket | undefined;
  /** Its record is in a lane or in a call, or its outcome is not on the log yet. */
  inHand: boolean;
  /** The schedule has a row for it. */
  hasRow: boolean;
  /** Put off, and their rows are not in the schedule yet: the sequence by id. Undefined: none, as with nearly all that wait. */
  parking: Map<string, number> | undefined;
  /** The schedule may have rows of others. */
  waiting: boolean;
  /** Ended, and the schedule may still have its row. */
  ended: string | undefined;
  /** Its first row is being looked up, and nothing that was stored since makes the answer old. */
  looking: boolean;
}

/**
 * Who may go next, for one webhook with `ordering: key`: of each subject one delivery at a time, in the order of the events,
 * the next one when the one before has come to its end (correctness.md §4). Holds one entry for each subject of which
 * something is unfinished. What waits is in the schedule; a subject is *ready* when the first of its rows is to be looked up.
 */
export class SubjectTurns {
  private readonly turns = new Map<string, Turn>();
  private readonly ready = new Set<string>();

  /** The schedule has rows of the subject: at the assignment, before any record is taken. */
  load(subject: string): void {
    this.open(subject).waiting = true;
    this.ready.add(subject);
  }

  /** A record that could be called has come. False: it has to wait in the schedule, an earlier one of its subject is unfinished. */
  arrive(subject: string, ticket: Ticket): boolean {
    const turn = this.turns.get(subject) ?? this.open(subject);
    if (!this.mayGo(turn, ticket)) {
      turn.parking = (turn.parking ?? new Map<string, number>()).set(ticket.id, ticket.sequence);
      return false;
    }
    turn.current = ticket;
    turn.inHand = true;
    turn.hasRow = false;
    this.ready.delete(subject);
    return true;
  }

  /** The log has an outcome after which the delivery is tried again: it keeps its turn. */
  putOff(subject: string, id: string): void {
    const turn = this.turns.get(subject);
    if (turn?.current?.id !== id) return;
    turn.inHand = false;
    if (turn.hasRow) this.ready.add(subject);
  }

  /** The log has the outcome that ends the delivery. */
  ended(subject: string, id: string): void {
    const turn = this.turns.get(subject);
    if (!turn) return;
    parkedNoMore(turn, id);
    if (turn.current?.id === id) {
      turn.current = undefined;
      turn.inHand = false;
      turn.hasRow = false;
      turn.ended = id;
    }
    this.seeWhoIsNext(subject, turn);
  }

  /** The schedule has a row for this delivery; `isParked`: without a time of its own. */
  stored(subject: string, ticket: Ticket, isParked: boolean): void {
    const turn = this.turns.get(subject) ?? this.open(subject);
    const { current, inHand } = turn;
    parkedNoMore(turn, ticket.id);
    turn.waiting = true;
    turn.looking = false;
    if (current?.id === ticket.id) turn.hasRow = true;
    const isNext = !current || (current.id === ticket.id ? isParked : ticket.sequence < current.sequence);
    if (!inHand && isNext) this.ready.add(subject);
  }

  /** The schedule has no row for this delivery any more. */
  removed(subject: string, id: string): void {
    const turn = this.turns.get(subject);
    if (!turn) return;
    if (turn.current?.id === id && !turn.inHand) turn.current = undefined;
    if (turn.ended === id) turn.ended = undefined;
    turn.looking = false;
    this.seeWhoIsNext(subject, turn);
  }

  /** Subjects whose first row is to be looked up now; they are not ready any more. */
  takeReady(limit: number): string[] {
    const taken: string[] = [];
    for (const subject of this.ready) {
      if (taken.length >= limit) break;
      taken.push(subject);
      this.ready.delete(subject);
      this.open(subject).looking = true;
    }
    return taken;
  }

  /**
   * The first of the rows of the subject, as the schedule had it when it was asked after `takeReady`. Answers whether it may
   * be requested: it is its turn.
   */
  looked(subject: string, first: Ticket | undefined): boolean {
    const turn = this.turns.get(subject);
    if (!turn || turn.inHand) return false;
    if (!turn.looking) {
      this.ready.add(subject);
      return false;
    }
    turn.looking = false;
    if (!first) {
      turn.waiting = false;
      this.seeWhoIsNext(subject, turn);
      return false;
    }
    // Its end is on the log and not in the schedule; `removed` comes.
    if (first.id === turn.ended) return false;
    const { current } = turn;
    if (current && current.id !== first.id && current.sequence < first.sequence) return false;
    if (lowest(turn.parking) < first.sequence) return false;
    turn.current = first;
    turn.hasRow = true;
    return true;
  }

  /** Whether a row of its own time may be requested: it is its turn. Else it is to wait with those that have no time. */
  isTurnOf(subject: string, id: string): boolean {
    const turn = this.turns.get(subject);
    return turn?.current?.id === id && !turn.inHand;
  }

  /** What was requested has not come: look again. */
  retry(subject: string): void {
    const turn = this.turns.get(subject);
    if (turn && !turn.inHand) this.ready.add(subject);
  }

  /** Whatever was missed: look at all that wait and of which nobody has anything in hand. */
  retryAll(): void {
    for (const [subject, turn] of this.turns)
      if (!turn.inHand && (turn.waiting || turn.hasRow)) this.ready.add(subject);
  }

  hasReady(): boolean {
    return this.ready.size > 0;
  }

  /** Subjects with something unfinished. */
  size(): number {
    return this.turns.size;
  }

  private open(subject: string): Turn {
    const known = this.turns.get(subject);
    if (known) return known;
    const turn: Turn = {
      current: undefined,
      inHand: false,
      hasRow: false,
      parking: undefined,
      waiting: false,
      ended: undefined,
      looking: false,
    };
    this.turns.set(subject, turn);
    return turn;
  }

  private mayGo({ current, inHand, waiting, parking }: Turn, ticket: Ticket): boolean {
    if (current?.id === ticket.id) return true;
    if (inHand) return false;
    // After a takeover the schedule may have named a later one than what is read again from the log.
    if (current) return ticket.sequence < current.sequence && lowest(parking) > ticket.sequence;
    return !waiting && parking === undefined;
  }

  private seeWhoIsNext(subject: string, turn: Turn): void {
    if (turn.current) return;
    if (turn.waiting) this.ready.add(subject);
    else if (turn.parking === undefined) {
      this.turns.delete(subject);
      this.ready.delete(subject);
    }
  }
}

function parkedNoMore(turn: Turn, id: string): void {
  turn.parking?.delete(id);
  if (turn.parking?.size === 0) turn.parking = undefined;
}

const lowest = (sequences: ReadonlyMap<string, number> | undefined): number =>
  sequences === undefined ? Infinity : Math.min(...sequences.values());
