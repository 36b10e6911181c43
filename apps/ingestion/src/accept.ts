import { LIMITS, isAboutWebhooks, type Fault, type TelephonyEvent } from '@switchhook/contracts';
import { LogUnavailableError, RecordTooLargeError } from '@switchhook/event-log';
import { HttpFault, invalid, type Actor } from '@switchhook/platform';
import type { AppendInTurns } from './append-in-turns.js';
import { NamesUnavailableError } from './append-new.js';
import type { Accounts } from './ingest.js';
import type { LargeRequests } from './large-requests.js';
import { PatienceOverError, type Patience } from './patience.js';
import {
  readRequest,
  type EventFault,
  type EventRequest,
  type IndexedEvent,
  type ReadingTurns,
} from './read-request.js';

export interface AcceptDeps {
  readonly accounts: Accounts;
  readonly appendNew: AppendInTurns;
  readonly large: LargeRequests;
  readonly onDuplicates: (count: number) => void;
  readonly now: () => number;
  readonly limits: AcceptLimits;
}

export interface AcceptLimits {
  /** How long a request may wait for log and database together. */
  readonly acceptDeadlineMs: number;
  /** Most bytes that may wait for the log at a time. */
  readonly waitingBytesMax: number;
}

/** What `POST /v2/events` answers with 202: the events are durable. */
export interface Accepted {
  readonly accepted: number;
  /** Known already, or earlier in the batch; not appended again. */
  readonly duplicates: number;
}

export type AcceptEvents = (request: EventRequest, actor: Actor) => Promise<Accepted>;

const RETRY_AFTER_SECONDS = 1;

/**
 * Accepts the events of a request, all or none. Throws `HttpFault`: 400, 403, 413 and 415 with every fault that was found,
 * 503 when the log or the database does not answer within the deadline (the client sends the same again then).
 */
export const accept = (deps: AcceptDeps): AcceptEvents => {
  const waiting = new WaitingBytes(deps.limits.waitingBytesMax);
  return async (request, actor) => {
    if (request.body.length > LIMITS.requestBytes) {
      throw new HttpFault('tooLarge', `The request is over ${LIMITS.requestBytes} bytes`);
    }
    const room = waiting.take(request.body.length);
    const patience = { isOver: false };
    const answer = readAndAppend(deps, request, { actor, patience, room });
    // Counted until the log has answered, not until we have: what it still holds is in our memory.
    answer.then(room.leave, room.leave);
    return within(deps.limits.acceptDeadlineMs, answer, patience);
  };
};

/** The bytes of requests that wait for the log: bounded, and of one account never more than is still free. */
class WaitingBytes {
  private all = 0;
  private readonly byAccount = new Map<number, number>();

  constructor(private readonly max: number) {}

  /** Throws a 503 when there is no room at all. `countFor`: whose they are; throws a 429 when that account has too much. */
  take(bytes: number): Room {
    if (bytes > this.max - this.all) throw logUnavailable('too much waits for it');
    this.all += bytes;
    let owner: number | undefined;
    return {
      countFor: (accountId) => {
        if (owner !== undefined) return;
        const mine = this.byAccount.get(accountId) ?? 0;
        if (mine > 0 && mine + bytes > this.max - this.all + bytes) throw tooManyOf(accountId);
        owner = accountId;
        this.byAccount.set(accountId, mine + bytes);
      },
      leave: () => {
        this.all -= bytes;
        if (owner === undefined) return;
        const mine = (this.byAccount.get(owner) ?? 0) - bytes;
        if (mine > 0) this.byAccount.set(owner, mine);
        else this.byAccount.delete(owner);
      },
    };
  }
}

interface Room {
  readonly countFor: (accountId: number) => void;
  readonly leave: () => void;
}

interface Sender {
  readonly actor: Actor;
  readonly patience: Patience;
  readonly room: Room;
}

async function readAndAppend(deps: AcceptDeps, request: EventRequest, sender: Sender): Promise<Accepted> {
  const { actor, patience, room } = sender;
  const turn = turnOf(deps.large, sender);
  try {
    const acceptance = { accountId: actor.accountId, acceptedAtMs: deps.now() };
    const { events, faults: unreadable } = await readRequest(request, acceptance, turn);
    room.countFor(ownerOf(actor, events[0]?.event.accountId));
    const faults = [...unreadable, ...ownTypeFaults(events), ...(await accountFaults(deps, events, actor))];
    if (faults.length > 0) throw refusal(faults);
    let accepted = 0;
    for (const [accountId, own] of byAccount(events)) {
      accepted += await deps.appendNew(accountId, own, patience).catch(rethrow);
    }
    const duplicates = events.length - accepted;
    if (duplicates > 0) deps.onDuplicates(duplicates);
    return { accepted, duplicates };
  } finally {
    turn.end();
  }
}

/** Whose a request is, its first event being for `accountId`: nobody takes the turn of an account that he may not act for. */
const ownerOf = (actor: Actor, accountId = actor.accountId): number => (actor.anyAccount ? accountId : actor.accountId);

/** The turn of a request that turns out to be large; `end` when it is answered, whether it had one or not. */
function turnOf(large: LargeRequests, { actor, patience, room }: Sender): ReadingTurns & { readonly end: () => void } {
  let leave: (() => void) | undefined;
  return {
    begin: async (accountId) => {
      const owner = ownerOf(actor, accountId);
      room.countFor(owner);
      leave = await large.enter(owner, patience);
    },
    next: async () => {
      await large.nextTurn();
      if (patience.isOver) throw new PatienceOverError();
    },
    end: () => leave?.(),
  };
}

function byAccount(events: readonly IndexedEvent[]): Map<number, TelephonyEvent[]> {
  const accounts = new Map<number, TelephonyEvent[]>();
  for (const { event } of events) {
    const own = accounts.get(event.accountId);
    if (own) own.push(event);
    else accounts.set(event.accountId, [event]);
  }
  return accounts;
}

/** What we say about webhooks ourselves comes to the log by another way; nobody else says it (ADR 0027). */
function ownTypeFaults(events: readonly IndexedEvent[]): EventFault[] {
  return events
    .filter(({ event }) => isAboutWebhooks(event.type))
    .map(({ index, event }) => fault(index, 'type', 'invalid', `${event.type} is said by Switchhook only`));
}

/** Events for accounts that the sender may not use, or that do not exist even when the directories are read to their ends. */
async function accountFaults(
  { accounts }: AcceptDeps,
  events: readonly IndexedEvent[],
  actor: Actor,
): Promise<EventFault[]> {
  const foreign = events.filter(({ event }) => !actor.anyAccount && event.accountId !== actor.accountId);
  const mine = foreign.length === 0 ? events : events.filter((each) => !foreign.includes(each));
  let unknown = mine.filter(({ event }) => !accounts.exists(event.accountId));
  if (unknown.length > 0) {
    await accounts.reachEnd().catch(rethrow);
    unknown = unknown.filter(({ event }) => !accounts.exists(event.accountId));
  }
  return [
    ...foreign.map(({ index }) => fault(index, 'accountid', 'otherAccount', 'is not the account of the credential')),
    ...unknown.map(({ index, event }) => fault(index, 'accountid', 'invalid', `${event.accountId} is no account`)),
  ];
}

const fault = (index: number | undefined, field: string, code: EventFault['code'], message: string): EventFault => ({
  code,
  fault: { ...(index !== undefined && { index }), field, message },
});

/** One answer for all faults, in the order of the events: a 400 if any of them is one, else a 413 if any is, else a 403. */
function refusal(found: readonly EventFault[]): HttpFault {
  const faults: Fault[] = found.map((each) => each.fault).sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  const code = (['invalid', 'tooLarge', 'otherAccount'] as const).find((each) =>
    found.some((one) => one.code === each),
  );
  if (code === undefined || code === 'invalid') return invalid(faults);
  const [first] = faults;
  const where = first?.index === undefined ? '' : ` (event ${first.index})`;
  return new HttpFault(code, `${first?.field} ${first?.message}${where}`, { faults });
}

function rethrow(error: unknown): never {
  if (error instanceof NamesUnavailableError) throw namesUnavailable();
  if (error instanceof LogUnavailableError) throw logUnavailable(error.message);
  if (error instanceof RecordTooLargeError) throw new HttpFault('tooLarge', error.message);
  throw error;
}

/** Whatever it is, it is not the sender's fault, and what was sent has not been appended. */
const namesUnavailable = (): HttpFault =>
  new HttpFault('unavailable', 'The names of accepted events cannot be read: send the same again', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

const logUnavailable = (why: string): HttpFault =>
  new HttpFault('logUnavailable', 'The event log does not acknowledge: send the same again', {
    developerMessage: why,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

const tooManyOf = (accountId: number): HttpFault =>
  new HttpFault('tooMany', `Account ${accountId} sends more than it has room for: send the same again`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

/** What `answer` says, or a 503 after `deadlineMs`; a late answer is not heard any more. */
function within<Answer>(deadlineMs: number, answer: Promise<Answer>, patience: Patience): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      patience.isOver = true;
      reject(logUnavailable(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
