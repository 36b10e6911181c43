/** Whether whoever sent the events has gone, so that what has not been appended yet need not be. */
export interface Patience {
  isOver: boolean;
}

/** The sender had no answer in time; part of its events may be in the log, and is known when it sends them again. */
export class PatienceOverError extends Error {
  constructor() {
    super('The sender waits no longer');
  }
}
