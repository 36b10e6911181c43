interface Group {
  readonly eventKeys: Set<string>;
  readonly answer: Promise<ReadonlySet<string>>;
  readonly begin: () => void;
}

/**
 * Looks names up, those of many requests in one statement: what arrives while a look-up is under way goes together in the
 * next one. A request alone waits for nothing.
 */
export class NameLookup {
  #waiting: Group | undefined;
  #underWay = false;

  constructor(private readonly find: (eventKeys: readonly string[]) => Promise<ReadonlySet<string>>) {}

  /** A set that holds those of `eventKeys` that are known (and, it may be, names that others asked for). */
  known(eventKeys: Iterable<string>): Promise<ReadonlySet<string>> {
    const group = (this.#waiting ??= this.#newGroup());
    for (const eventKey of eventKeys) group.eventKeys.add(eventKey);
    if (!this.#underWay) this.#beginNext();
    return group.answer;
  }

  #newGroup(): Group {
    const eventKeys = new Set<string>();
    const { promise: started, resolve: begin } = Promise.withResolvers<void>();
    return { eventKeys, begin, answer: started.then(() => this.find([...eventKeys])) };
  }

  #beginNext(): void {
    const group = this.#waiting;
    this.#waiting = undefined;
    this.#underWay = group !== undefined;
    if (!group) return;
    group.begin();
    const next = (): void => this.#beginNext();
    group.answer.then(next, next);
  }
}
