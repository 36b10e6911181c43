import { fold, type Decider } from './decider.js';

/** Given what has happened, when a command comes: the facts that follow, and the state after them. Throws what `decide` throws. */
export const given = <State, Command, Fact>(decider: Decider<State, Command, Fact>, ...history: readonly Fact[]) => ({
  when(command: Command): { readonly facts: readonly Fact[]; readonly state: State } {
    const facts = decider.decide(fold(decider, history), command);
    return { facts, state: fold(decider, [...history, ...facts]) };
  },
});
