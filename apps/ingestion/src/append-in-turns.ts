import type { TelephonyEvent } from '@switchhook/contracts';
import { eventKey } from '@switchhook/domain';
import type { OutgoingRecord } from '@switchhook/event-log';
import type { AppendNew, Known, NamedEvents } from './append-new.js';
import { eventRecord } from './event-record.js';
import type { Intake } from './intake.js';
import { PatienceOverError, type Patience } from './patience.js';

/** Appends the new ones among the events of an account; resolves with how many those were. */
export type AppendInTurns = (
  accountId: number,
  events: readonly TelephonyEvent[],
  patience: Patience,
) => Promise<number>;

/** Events of a large request that are named and looked up in one go: the rest of the process has its turn in between. */
const NAMED_AT_ONCE = 50;

/**
 * Appends in pieces that the intake has room for, each when it is the account's turn. Of what needs several, that which is
 * `known` takes no turn: a request that was cut off goes on where it stopped when it is sent again.
 */
export const appendInTurns =
  (intake: Intake, known: Known, append: AppendNew): AppendInTurns =>
  async (accountId, events, patience) => {
    const isPiece = events.length > intake.atOnce;
    const appendOne = async (piece: NamedEvents): Promise<number> => {
      const turn = intake.enter(accountId, { count: piece.size, isPiece }, patience);
      if (turn && !(await turn)) throw new PatienceOverError();
      try {
        const places = await append(piece);
        intake.appended(accountId, piece.size, places);
        return places.filter((place) => place !== undefined).length;
      } catch (error) {
        intake.failed(accountId, piece.size);
        throw error;
      }
    };
    const seen = new Set<string>();
    let count = 0;
    for (let from = 0; from < events.length; from += NAMED_AT_ONCE) {
      const named = firstOfEachName(events.slice(from, from + NAMED_AT_ONCE), seen);
      const fresh = isPiece ? await without(known, named) : named;
      for (const piece of piecesOf(fresh, intake.atOnce)) count += await appendOne(piece);
    }
    return count;
  };

/** By their names, those whose names were not `seen`; now they are. */
function firstOfEachName(events: readonly TelephonyEvent[], seen: Set<string>): NamedEvents {
  const named = new Map<string, OutgoingRecord>();
  for (const event of events) {
    const key = eventKey(event.accountId, event.source, event.id);
    if (seen.has(key)) continue;
    seen.add(key);
    named.set(key, eventRecord(event));
  }
  return named;
}

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
