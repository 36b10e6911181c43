import type { Place } from '@switchhook/event-log';
import type { Patience } from './patience.js';
import type { SpareTime, Wanted } from './spare-time.js';

export interface IntakeOptions {
  /** Events of all accounts that may be under way at a time. */
  readonly allMax: number;
  /** Of these, events of one account. */
  readonly accountMax: number;
  /** When an account gets only what the process has to spare. */
  readonly spare: Pick<SpareTime, 'noteSmall' | 'mayTake'>;
}

interface Account {
  readonly accountId: number;
  underWay: number;
  /** The one that waits longest first. */
  readonly waiting: Waiting[];
}

interface Waiting extends Wanted {
  readonly patience: Patience;
  readonly enter: (isIn: boolean) => void;
}

/** How soon those that a busy process keeps outside look again. */
const LOOK_EVERY_MS = 20;

interface Appended {
  readonly account: Account;
  readonly position: number;
}

/** What this process has appended to a partition that it works off itself. */
interface OwnPartition {
  /** In the order in which the log took them, and not worked off. */
  readonly appended: Appended[];
  /** The first position that is not worked off, as far as this process has seen. */
  next: number;
}

/**
 * Events that come by HTTP and are not worked off yet: in the log they stand in one line, whoever's they are, so an account
 * that sends very many at once may have only so many there, and the rest waits outside. An account has never more than
 * what is still free, so there is always room for one that comes later; those that wait take turns. And there are accounts
 * that get only what the process has to spare: behind the log their events take time from everybody else's, too.
 *
 * What lies in partitions that other processes work off counts until the log has it: when they have done it is not known here.
 */
export class Intake {
  private readonly accounts = new Map<number, Account>();
  private readonly turns = new Set<Account>();
  private readonly partitions = new Map<number, OwnPartition>();
  private underWay = 0;
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly options: IntakeOptions) {}

  /** How many events go in together at most. */
  get atOnce(): number {
    return Math.max(1, Math.floor(this.options.accountMax / 2));
  }

  /**
   * Counts the events in, now if there is room for them: then undefined. Else resolves when their turn has come; with false,
   * not counting them in, when the patience is over by then.
   */
  enter(accountId: number, wanted: Wanted, patience: Patience): Promise<boolean> | undefined {
    const account = this.of(accountId);
    if (!wanted.isPiece) this.options.spare.noteSmall(accountId);
    if (account.waiting.length === 0 && this.mayEnter(account, wanted)) {
      this.take(account, wanted.count);
      return undefined;
    }
    this.turns.add(account);
    this.looking ??= setInterval(() => this.giveTurns(), LOOK_EVERY_MS).unref();
    return new Promise((enter) => account.waiting.push({ ...wanted, patience, enter }));
  }

  /** The log has these events of the account, `count` of them counted in; those without a place were known already. */
  appended(accountId: number, count: number, places: readonly (Place | undefined)[]): void {
    const account = this.of(accountId);
    let here = 0;
    for (const place of places) {
      const own = place && this.partitions.get(place.partition);
      if (!own || place.position < own.next) continue;
      own.appended.push({ account, position: place.position });
      here += 1;
    }
    this.leave(account, count - here);
    this.giveTurns();
  }

  /** They were counted in, and the log has not taken them. */
  failed(accountId: number, count: number): void {
    this.leave(this.of(accountId), count);
    this.giveTurns();
  }

  /** This process has worked off everything of the partition before the position `next`. */
  workedOff(partition: number, next: number): void {
    const own = this.partitions.get(partition);
    if (!own || next <= own.next) return;
    own.next = next;
    this.release(own);
    this.giveTurns();
  }

  /** From now on this process works the partition off. */
  assigned(partition: number): void {
    if (!this.partitions.has(partition)) this.partitions.set(partition, { appended: [], next: 0 });
  }

  revoked(partition: number): void {
    const own = this.partitions.get(partition);
    if (!own) return;
    this.partitions.delete(partition);
    own.next = Infinity;
    this.release(own);
    this.giveTurns();
  }

  counts(): { readonly accounts: number; readonly underWay: number } {
    return { accounts: this.accounts.size, underWay: this.underWay };
  }

  private of(accountId: number): Account {
    const known = this.accounts.get(accountId);
    if (known) return known;
    const account: Account = { accountId, underWay: 0, waiting: [] };
    this.accounts.set(accountId, account);
    return account;
  }

  private mayEnter(account: Account, wanted: Wanted): boolean {
    return this.fits(account, wanted.count) && this.options.spare.mayTake(account.accountId, wanted);
  }

  private fits(account: Account, count: number): boolean {
    const { allMax, accountMax } = this.options;
    const free = allMax - this.underWay;
    if (account.underWay === 0) return free > 0;
    return account.underWay + count <= Math.min(accountMax, free);
  }

  private take(account: Account, count: number): void {
    account.underWay += count;
    this.underWay += count;
  }

  private leave(account: Account, count: number): void {
    account.underWay -= count;
    this.underWay -= count;
    this.forgetIfIdle(account);
  }

  /** Places of two appends may come in another order than their positions: what is behind is let go with what is before it. */
  private release({ appended, next }: OwnPartition): void {
    let done = 0;
    for (const { account, position } of appended) {
      if (position >= next) break;
      this.leave(account, 1);
      done += 1;
    }
    appended.splice(0, done);
  }

  /** Round after round, one piece of each account that waits, until nothing more may enter. */
  private giveTurns(): void {
    for (let entered = this.turns.size; entered > 0;) {
      entered = 0;
      for (const account of [...this.turns]) if (this.letIn(account)) entered += 1;
    }
    if (this.turns.size > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }

  private letIn(account: Account): boolean {
    while (account.waiting[0]?.patience.isOver) account.waiting.shift()!.enter(false);
    const [first] = account.waiting;
    if (first && !this.mayEnter(account, first)) return false;
    account.waiting.shift();
    this.turns.delete(account);
    if (account.waiting.length > 0) this.turns.add(account);
    if (!first) {
      this.forgetIfIdle(account);
      return false;
    }
    this.take(account, first.count);
    first.enter(true);
    return true;
  }

  private forgetIfIdle(account: Account): void {
    if (account.underWay === 0 && account.waiting.length === 0) this.accounts.delete(account.accountId);
  }
}
