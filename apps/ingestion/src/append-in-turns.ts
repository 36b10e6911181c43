import type { AppendNew, Known, NamedEvents } from './append-new.js';
import type { Intake, Patience } from './intake.js';

/** Appends the new ones among the events of an account; resolves with how many those were. */
export type AppendInTurns = (accountId: number, events: NamedEvents, patience: Patience) => Promise<number>;

/** The sender had no answer in time; part of its events may be in the log, and is known when it sends them again. */
export class PatienceOverError extends Error {}

/**
 * Appends in pieces that the intake has room for, each when it is the account's turn. Of what needs several, that which is
 * `known` takes no turn: a request that was cut off goes on where it stopped when it is sent again.
 */
export const appendInTurns =
  (intake: Intake, known: Known, append: AppendNew): AppendInTurns =>
  async (accountId, events, patience) => {
    let count = 0;
    const isPiece = events.size <= intake.atOnce;
    for (const piece of piecesOf(isPiece ? events : await without(known, events), intake.atOnce)) {
      const turn = intake.enter(accountId, piece.size, patience);
      if (turn && !(await turn)) throw new PatienceOverError('The sender waits no longer');
      try {
        const places = await append(piece);
        intake.appended(accountId, piece.size, places);
        for (const place of places) if (place) count += 1;
      } catch (error) {
        intake.failed(accountId, piece.size);
        throw error;
      }
    }
    return count;
  };

/** Where the names cannot be read now, the append will say so. */
async function without(known: Known, events: NamedEvents): Promise<NamedEvents> {
  const taken = await known(events.keys()).catch(() => new Set<string>());
  return taken.size === 0 ? events : new Map([...events].filter(([name]) => !taken.has(name)));
}

function* piecesOf(events: NamedEvents, atOnce: number): Generator<NamedEvents> {
  if (events.size <= atOnce) {
    if (events.size > 0) yield events;
    return;
  }
  const all = [...events];
  for (let from = 0; from < all.length; from += atOnce) yield new Map(all.slice(from, from + atOnce));
}
