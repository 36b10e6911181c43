/** An aggregate, whole: what a command leads to, what a fact changes, and where it begins. */
export interface Decider<State, Command, Fact> {
  readonly initialState: State;
  /** The facts that follow; none when the command changes nothing. Throws `CommandRefused` when it cannot be obeyed. */
  readonly decide: (state: State, command: Command) => readonly Fact[];
  readonly evolve: (state: State, fact: Fact) => State;
}

/** The state after `facts`. */
export const fold = <State, Command, Fact>(
  { initialState, evolve }: Pick<Decider<State, Command, Fact>, 'initialState' | 'evolve'>,
  facts: readonly Fact[],
): State => facts.reduce(evolve, initialState);

/** A command that the aggregate cannot obey. `field` names the part of the request at fault, where there is one. */
export class CommandRefused extends Error {
  constructor(
    readonly code: 'not-found' | 'exists' | 'invalid' | 'forbidden',
    message: string,
    readonly field?: string,
  ) {
    super(message);
    this.name = 'CommandRefused';
  }
}
