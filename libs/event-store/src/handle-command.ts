import { channel } from 'node:diagnostics_channel';
import type { EntityManager } from 'typeorm';
import { ConcurrencyError, type Appended, type EventStore, type NewEvent, type StoredEvent } from './event-store.js';

/** Where chaos runs end the process (docs/adr/0035). */
const TO_COMMIT = channel('switchhook.store.to-commit');
const APPENDED = channel('switchhook.store.appended');

export interface CommandDeps {
  readonly store: EventStore;
  /** Runs `work` in one transaction; without it, `alongside` cannot be used. */
  readonly transaction?: <T>(work: (tx: EntityManager) => Promise<T>) => Promise<T>;
}

/** How one aggregate answers one command. `Fact` is the aggregate's event, as it is stored in an event's `data`. */
export interface Handling<State, Fact> {
  readonly streamId: string;
  readonly initialState: State;
  readonly evolve: (state: State, fact: Fact) => State;
  /** What the command leads to in this state; empty: nothing. Throws to refuse it. Called again after a conflict. */
  readonly decide: (state: State) => readonly Fact[];
  /** What the store calls a fact. */
  readonly typeOf: (fact: Fact) => string;
  /** Writes what must be there when the facts are (a read model), in the same transaction. */
  readonly alongside?: (tx: EntityManager, facts: readonly Fact[], state: State) => Promise<void>;
}

/** The state after the command, and where its facts ended; `appended` is null when there were none. */
export interface Handled<State, Fact> {
  readonly state: State;
  readonly facts: readonly Fact[];
  readonly appended: Appended | null;
}

const CONFLICT_RETRIES = 3;

/**
 * Reads the stream, folds it, decides, appends; once more (3 times) when somebody else appended in between.
 * Throws what `decide` throws, and `ConcurrencyError` after the last retry.
 */
export async function handleCommand<State, Fact>(
  deps: CommandDeps,
  handling: Handling<State, Fact>,
): Promise<Handled<State, Fact>> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await handleOnce(deps, handling);
    } catch (error) {
      if (!(error instanceof ConcurrencyError) || retries === CONFLICT_RETRIES) throw error;
    }
  }
}

async function handleOnce<State, Fact>(
  { store, transaction }: CommandDeps,
  { streamId, initialState, evolve, decide, typeOf, alongside }: Handling<State, Fact>,
): Promise<Handled<State, Fact>> {
  const history = await store.readStream(streamId);
  const before = history.map(factOf<Fact>).reduce(evolve, initialState);
  const facts = decide(before);
  if (facts.length === 0) return { state: before, facts, appended: null };

  const state = facts.reduce(evolve, before);
  const events: NewEvent[] = facts.map((fact) => ({ type: typeOf(fact), data: fact }));
  if (!alongside || !transaction) {
    return { state, facts, appended: await store.append(streamId, history.length, events) };
  }
  const handled = await transaction(async (tx) => {
    const appended = await store.append(streamId, history.length, events, tx);
    await alongside(tx, facts, state);
    TO_COMMIT.publish(undefined);
    return { state, facts, appended };
  });
  APPENDED.publish(undefined);
  return handled;
}

const factOf = <Fact>(event: StoredEvent): Fact => event.data as Fact;
