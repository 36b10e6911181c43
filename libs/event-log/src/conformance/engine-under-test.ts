import type { EventLog, OperableLog } from '../event-log.js';

/** What a test gets from an engine: an empty log of its own (a fresh database, a fresh topic prefix). */
export interface EngineUnderTest {
  /** Opens and starts the log. Closed by the test, or by `dispose`. */
  open(): Promise<OperableLog>;
  /** A log for a second member while `log` is open: another client where the engine allows several, else `log` itself. */
  openBeside(log: EventLog): Promise<EventLog>;
  /**
   * Environment of a child program that opens the same log: `EVENT_LOG_OPENER` names a module of dist/testing that
   * exports `openFromEnv(env): EventLog` (not started); the rest is for that module.
   */
  childEnv(): Record<string, string>;
  /** Asks the engine to compact `topic` soon and whole, without a minimum lag. */
  compact(topic: string): Promise<void>;
  /** Closes what is still open and deletes the records. */
  dispose(): Promise<void>;
}

export type MakeEngine = () => Promise<EngineUnderTest>;

export interface EngineTraits {
  /** Whether a handler's output and its progress are one transaction, so that a killed process repeats no output. */
  readonly exactlyOnceOutputs: boolean;
  /** How long a killed member's partitions may take to be handed on. */
  readonly takeoverMs: number;
}
