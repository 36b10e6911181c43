/** What an account has in the lanes of this process. */
export interface AccountWork<Lane> {
  readonly accountId: number;
  /** How much it counts beside others; 1 unless the operator says otherwise. */
  readonly weight: number;
  /** Calls that it may still begin before the next account's turn. */
  turnLeft: number;
  records: number;
  bytes: number;
  calls: number;
  /** Lanes that could begin a call if there were a turn for them; the one that waits longest first. */
  readonly ready: Set<Lane>;
}

export interface FairBounds {
  readonly records: number;
  readonly bytes: number;
  readonly calls: number;
}

/** Accounts that are looked at for a turn before the next call must end. */
const LOOKS = 64;

/**
 * Shares what a process can hold and do between accounts. Two rules. An account may never have more than what is still
 * free, times its weight: alone it gets half of a bound, two that want all get a third each, and there is always room for one that comes
 * later, however long calls hang (the dynamic threshold of Choudhury and Hahne, "Dynamic queue length thresholds for
 * shared-memory packet switches", 1998; the weight is their factor). And where calls have to wait for others to end, accounts
 * take turns, each with as many calls as its weight, and so do the lanes of an account, with one each.
 */
export class FairTurns<Lane> {
  private readonly accounts = new Map<number, AccountWork<Lane>>();
  private readonly turns = new Set<AccountWork<Lane>>();
  private records = 0;
  private bytes = 0;
  private calls = 0;

  /** `weightOf`: a whole number from 1. */
  constructor(
    private readonly bounds: FairBounds,
    private readonly weightOf: (accountId: number) => number = () => 1,
  ) {}

  /** The work of an account; call `drop` when its last lane is gone. */
  of(accountId: number): AccountWork<Lane> {
    const known = this.accounts.get(accountId);
    if (known) return known;
    const weight = this.weightOf(accountId);
    const account = { accountId, weight, turnLeft: weight, records: 0, bytes: 0, calls: 0, ready: new Set<Lane>() };
    this.accounts.set(accountId, account);
    return account;
  }

  /** Whether the process has room for a record of this many bytes of the account. */
  fits(accountId: number, bytes: number): boolean {
    const { bounds } = this;
    const account = this.accounts.get(accountId);
    if (!account) return this.records < bounds.records && this.bytes + bytes <= bounds.bytes;
    const freeBytes = bounds.bytes - this.bytes;
    const isRoomForRecord = account.records < account.weight * (bounds.records - this.records);
    return isRoomForRecord && bytes <= freeBytes && account.bytes + bytes <= account.weight * freeBytes;
  }

  take(account: AccountWork<Lane>, bytes: number): void {
    account.records += 1;
    account.bytes += bytes;
    this.records += 1;
    this.bytes += bytes;
  }

  leave(account: AccountWork<Lane>, bytes: number): void {
    account.records -= 1;
    account.bytes -= bytes;
    this.records -= 1;
    this.bytes -= bytes;
    if (account.records === 0) {
      this.accounts.delete(account.accountId);
      this.turns.delete(account);
    }
  }

  mayBegin(account: AccountWork<Lane>): boolean {
    return account.calls < account.weight * (this.bounds.calls - this.calls);
  }

  begin(account: AccountWork<Lane>): void {
    account.calls += 1;
    this.calls += 1;
  }

  end(account: AccountWork<Lane>): void {
    account.calls -= 1;
    this.calls -= 1;
  }

  /** The lane waits for its turn, behind those of its account that wait already. */
  wait(account: AccountWork<Lane>, lane: Lane): void {
    account.ready.add(lane);
    if (this.turns.has(account)) return;
    account.turnLeft = account.weight;
    this.turns.add(account);
  }

  waitsNoMore(account: AccountWork<Lane>, lane: Lane): void {
    account.ready.delete(lane);
    if (account.ready.size === 0) this.turns.delete(account);
  }

  /** Whether anybody waits for a turn. */
  isContended(): boolean {
    return this.turns.size > 0;
  }

  /** The lane whose turn it is, if a call may begin; it waits no more, and its account is last again once its turn is used up. */
  next(): Lane | undefined {
    let looks = LOOKS;
    for (const account of this.turns) {
      if (looks-- === 0) return undefined;
      const first = account.ready.values().next();
      if (first.done) this.turns.delete(account);
      if (first.done || !this.mayBegin(account)) continue;
      account.ready.delete(first.value);
      account.turnLeft -= 1;
      if (account.turnLeft === 0) {
        account.turnLeft = account.weight;
        this.turns.delete(account);
        if (account.ready.size > 0) this.turns.add(account);
      }
      return first.value;
    }
    return undefined;
  }

  counts(): { records: number; calls: number; accounts: number } {
    return { records: this.records, calls: this.calls, accounts: this.accounts.size };
  }
}
