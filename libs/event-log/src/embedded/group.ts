import type { Assignment } from './assignment.js';
import type { Partition } from './partition.js';

/** How long a member may take to let go of a partition: for another member, and when it closes. */
const HANDOVER_MS = 3_000;
const CLOSE_MS = 10_000;

/** One `consume` call. */
export class Member {
  readonly assignments = new Map<number, Assignment>();

  constructor(readonly assign: (partition: number) => Assignment) {}

  /** Records of `topic` not yet handed on. */
  lag(topic: string): number {
    return [...this.assignments.values()].reduce((sum, assignment) => sum + assignment.lag(topic), 0);
  }

  /** As `Consumer.oldestMs`, of one topic. */
  oldestMs(topic: string): number | undefined {
    const oldest = Math.min(...[...this.assignments.values()].map((each) => each.oldestMs(topic) ?? Infinity));
    return oldest === Infinity ? undefined : oldest;
  }
}

/** The members of one group share its partitions: partition n of all topics is one member's. */
export class Group {
  #members: readonly Member[] = [];
  /** Changes happen one after the other: a partition is let go before it is given away. */
  #changing: Promise<void> = Promise.resolve();

  constructor(private readonly partitions: number) {}

  get members(): readonly Member[] {
    return this.#members;
  }

  join(member: Member): Promise<void> {
    return this.#change(() => this.#share([...this.#members, member], HANDOVER_MS));
  }

  leave(member: Member): Promise<void> {
    return this.#change(() =>
      this.#share(
        this.#members.filter((other) => other !== member),
        CLOSE_MS,
      ),
    );
  }

  /** Takes every partition away and gives it out again, each beginning at the progress that the log knows now. */
  restart(): Promise<void> {
    return this.#change(async () => {
      const members = this.#members;
      await this.#share([], HANDOVER_MS);
      await this.#share(members, HANDOVER_MS);
    });
  }

  #change(step: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.then(step);
    return this.#changing;
  }

  async #share(members: readonly Member[], limitMs: number): Promise<void> {
    const before = this.#members;
    this.#members = members;
    const ownerOf = (partition: number): Member | undefined => members[partition % members.length];
    const leaving = before.flatMap((member) =>
      [...member.assignments]
        .filter(([partition]) => ownerOf(partition) !== member)
        .map(async ([partition, assignment]) => {
          await assignment.revoke(limitMs);
          member.assignments.delete(partition);
        }),
    );
    await Promise.all(leaving);
    for (let partition = 0; partition < this.partitions; partition += 1) {
      const owner = ownerOf(partition);
      if (!owner || owner.assignments.has(partition)) continue;
      const assignment = owner.assign(partition);
      owner.assignments.set(partition, assignment);
      assignment.start();
    }
  }
}

/** All groups of the log. */
export class Groups {
  readonly #byName = new Map<string, Group>();
  /** By topic. */
  readonly #handlingAhead = new Map<string, Set<Group>>();

  /** A group has as many partitions as its topic with most. */
  of(name: string, partitions: number): Group {
    const group = this.#byName.get(name) ?? new Group(partitions);
    this.#byName.set(name, group);
    return group;
  }

  hasMembers(name: string): boolean {
    return (this.#byName.get(name)?.members.length ?? 0) > 0;
  }

  /** Members of the group handle records of these topics before they are appended. */
  handlesAhead(group: Group, topics: readonly string[]): void {
    for (const topic of topics) {
      this.#handlingAhead.set(topic, (this.#handlingAhead.get(topic) ?? new Set()).add(group));
    }
  }

  /** The assignments of `partition` in groups that handle ahead. */
  ahead({ topic, number }: Partition): Assignment[] {
    const assignments: Assignment[] = [];
    for (const { members } of this.#handlingAhead.get(topic) ?? []) {
      for (const member of members) {
        const assignment = member.assignments.get(number);
        if (assignment) assignments.push(assignment);
      }
    }
    return assignments;
  }

  /** As `Assignment.isFinishing`, of any. */
  isAnyFinishing(): boolean {
    return this.assignments().some((assignment) => assignment.isFinishing);
  }

  assignments(): Assignment[] {
    const members = [...this.#byName.values()].flatMap((group) => group.members);
    return members.flatMap((member) => [...member.assignments.values()]);
  }

  /** Each begins again at the progress that the log knows now. */
  restart(): void {
    for (const group of this.#byName.values()) void group.restart();
  }
}
