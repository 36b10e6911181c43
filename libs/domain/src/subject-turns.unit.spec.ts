import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SubjectTurns } from './subject-turns.js';

interface Signed {
  readonly id: string;
  readonly subject: string;
  readonly sequence: number;
  readonly attempt: number;
}
interface Logged extends Signed {
  readonly outcome: 'ended' | 'attempted' | 'parked';
}
interface Row extends Signed {
  readonly isParked: boolean;
}

/** Delivery of one webhook as a model: two logs, a schedule that follows one of them, and what memory a crash takes away. */
class Model {
  readonly signed: Signed[] = [];
  readonly outcomes: Logged[] = [];
  private readonly rows = new Map<string, Row>();
  private readonly settled = new Set<number>();
  private turns = new SubjectTurns();
  private calls = new Map<number, Signed>();
  private released = new Set<string>();
  private looked: { subject: string; first: Row | undefined }[] = [];
  private next = 0;
  private projected = 0;
  inversions: string[] = [];

  constructor(subjects: readonly string[]) {
    for (const [sequence, subject] of subjects.entries()) {
      this.signed.push({ id: `d${sequence}`, subject, sequence, attempt: 1 });
    }
  }

  take(): boolean {
    const position = this.next;
    const record = this.signed[position];
    if (!record) return false;
    this.next += 1;
    if (this.settled.has(position)) return true;
    const isFinished = this.outcomes.some(
      ({ id, attempt, outcome }) => id === record.id && attempt === record.attempt && outcome !== 'parked',
    );
    const isInHand = [...this.calls.values()].some(({ id, attempt }) => id === record.id && attempt === record.attempt);
    if (isFinished || isInHand) this.settled.add(position);
    else if (this.turns.arrive(record.subject, record)) this.begin(position, record);
    else this.write(position, record, 'parked');
    return true;
  }

  /** The `nth` call under way ends. */
  end(nth: number, outcome: Logged['outcome']): boolean {
    const [position, record] = [...this.calls][nth % Math.max(1, this.calls.size)] ?? [];
    if (position === undefined || !record) return false;
    this.calls.delete(position);
    this.write(position, record, outcome);
    return true;
  }

  project(): boolean {
    const logged = this.outcomes[this.projected];
    if (!logged) return false;
    this.projected += 1;
    this.released.delete(logged.id);
    if (logged.outcome === 'ended') {
      if (this.rows.delete(logged.id)) this.turns.removed(logged.subject, logged.id);
      return true;
    }
    const isParked = logged.outcome === 'parked';
    const attempt = isParked ? logged.attempt : logged.attempt + 1;
    if ((this.rows.get(logged.id)?.attempt ?? 0) <= attempt) this.rows.set(logged.id, { ...logged, attempt, isParked });
    this.turns.stored(logged.subject, logged, isParked);
    return true;
  }

  /** Asks the schedule, one question at a time; what it says is heard later. */
  look(limit: number): boolean {
    if (this.looked.length > 0) return false;
    const ready = this.turns.takeReady(limit);
    for (const subject of ready) {
      const [first] = [...this.rows.values()]
        .filter((row) => row.subject === subject)
        .sort((a, b) => a.sequence - b.sequence);
      this.looked.push({ subject, first });
    }
    return ready.length > 0;
  }

  release(): boolean {
    const answers = this.looked.splice(0);
    for (const { subject, first } of answers) {
      if (this.turns.looked(subject, first) && first?.isParked) this.request(first);
    }
    const due = [...this.rows.values()].find(({ id, isParked }) => !isParked && !this.released.has(id));
    if (due && this.turns.isTurnOf(due.subject, due.id)) this.request(due);
    else if (due) {
      this.rows.set(due.id, { ...due, isParked: true });
      this.turns.retry(due.subject);
    }
    return answers.length > 0 || due !== undefined;
  }

  /** The answers of the schedule are heard, and what they allow is not requested: a fault. */
  lose(): void {
    for (const { subject, first } of this.looked.splice(0)) this.turns.looked(subject, first);
  }

  /** What is done now and then, whatever was missed. */
  retryAll(): void {
    this.turns.retryAll();
  }

  crash(): void {
    this.turns = new SubjectTurns();
    this.calls = new Map();
    this.released = new Set();
    this.looked = [];
    while (this.project());
    this.turns = new SubjectTurns();
    for (const { subject } of this.rows.values()) this.turns.load(subject);
    this.next = this.signed.findIndex((_, position) => !this.settled.has(position));
    if (this.next < 0) this.next = this.signed.length;
  }

  /** Everything goes on and every call succeeds, until nothing happens any more. */
  settleDown(): void {
    for (let quiet = 0; quiet < 2;) {
      const moved = [this.take(), this.end(0, 'ended'), this.project(), this.look(100), this.release()];
      quiet = moved.includes(true) ? 0 : quiet + 1;
      if (quiet === 1) this.turns.retryAll();
    }
  }

  hasEnded = (id: string): boolean => this.outcomes.some((logged) => logged.id === id && logged.outcome === 'ended');

  subjects = (): number => this.turns.size();

  private request({ id, subject, sequence, attempt }: Row): void {
    if (this.released.has(id)) return;
    this.released.add(id);
    this.signed.push({ id, subject, sequence, attempt });
  }

  private begin(position: number, record: Signed): void {
    const before = this.signed.filter(
      ({ subject, sequence }) => subject === record.subject && sequence < record.sequence,
    );
    for (const earlier of before) {
      if (!this.hasEnded(earlier.id)) this.inversions.push(`${record.id} before the end of ${earlier.id}`);
    }
    this.calls.set(position, record);
  }

  private write(position: number, record: Signed, outcome: Logged['outcome']): void {
    this.outcomes.push({ ...record, outcome });
    this.settled.add(position);
    if (outcome === 'ended') this.turns.ended(record.subject, record.id);
    else this.turns.putOff(record.subject, record.id);
  }
}

const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'take' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      nth: fc.nat({ max: 5 }),
      outcome: fc.constantFrom('ended' as const, 'attempted' as const, 'parked' as const),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'project' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'release' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'retryAll' as const }) },
);

describe('the order of a subject', () => {
  it('is kept through any interleaving of outcomes, parking, retries, faults and crashes, and everything comes to its end', () => {
    const subjects = fc.array(fc.constantFrom('a', 'a', 'b'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(subjects, fc.array(STEP, { minLength: 30, maxLength: 200, size: 'max' }), (events, steps) => {
        const model = new Model(events);
        for (const step of steps) {
          if (step.kind === 'take') model.take();
          else if (step.kind === 'end') model.end(step.nth, step.outcome);
          else if (step.kind === 'project') model.project();
          else if (step.kind === 'look') model.look(step.limit);
          else if (step.kind === 'release') model.release();
          else if (step.kind === 'lose') model.lose();
          else if (step.kind === 'retryAll') model.retryAll();
          else model.crash();
        }
        model.settleDown();
        expect(model.inversions).toEqual([]);
        expect(events.map((_, sequence) => model.hasEnded(`d${sequence}`))).toEqual(events.map(() => true));
        expect(model.subjects()).toBe(0);
      }),
      { numRuns: 3_000 },
    );
  });

  it('waits after a takeover for what was read again and parked, although the schedule has a later one', () => {
    const model = new Model(['a', 'a']);
    model.take();
    model.take();
    model.crash();
    model.take();
    model.look(10);
    model.release();
    model.take();
    expect(model.inversions).toEqual([]);
    model.settleDown();
    expect([model.hasEnded('d0'), model.hasEnded('d1'), model.inversions]).toEqual([true, true, []]);
  });

  it('goes, after a takeover, before the later one that the schedule has named, unless that one has begun', () => {
    const turns = new SubjectTurns();
    turns.load('a');
    expect(turns.takeReady(10)).toEqual(['a']);
    expect(turns.looked('a', { id: '2', sequence: 2 })).toBe(true);
    expect(turns.arrive('a', { id: '1', sequence: 1 })).toBe(true);
    expect(turns.arrive('a', { id: '2', sequence: 2 })).toBe(false);
    expect(turns.arrive('a', { id: '0', sequence: 0 })).toBe(false);
  });

  it('is not asked for the row of what has ended while the schedule still has it', () => {
    const turns = new SubjectTurns();
    turns.load('a');
    turns.takeReady(1);
    turns.looked('a', { id: '1', sequence: 1 });
    turns.arrive('a', { id: '1', sequence: 1 });
    turns.ended('a', '1');
    expect(turns.takeReady(1)).toEqual(['a']);
    expect(turns.looked('a', { id: '1', sequence: 1 })).toBe(false);
    turns.removed('a', '1');
    expect(turns.takeReady(1)).toEqual(['a']);
    expect(turns.looked('a', undefined)).toBe(false);
    expect(turns.size()).toBe(0);
  });

  it('is looked at again when its row was stored before its outcome was acknowledged to us', () => {
    const turns = new SubjectTurns();
    turns.arrive('a', { id: '1', sequence: 1 });
    turns.stored('a', { id: '1', sequence: 1 }, true);
    expect(turns.hasReady()).toBe(false);
    turns.putOff('a', '1');
    expect(turns.takeReady(1)).toEqual(['a']);
  });

  it('lets other subjects go while one waits', () => {
    const turns = new SubjectTurns();
    expect(turns.arrive('a', { id: '1', sequence: 1 })).toBe(true);
    expect(turns.arrive('a', { id: '2', sequence: 2 })).toBe(false);
    expect(turns.arrive('b', { id: '3', sequence: 3 })).toBe(true);
    turns.ended('b', '3');
    expect(turns.arrive('b', { id: '4', sequence: 4 })).toBe(true);
  });

  it('remembers nothing of a subject whose deliveries have ended', () => {
    const turns = new SubjectTurns();
    turns.arrive('a', { id: '1', sequence: 1 });
    turns.ended('a', '1');
    expect(turns.size()).toBe(0);
  });
});
