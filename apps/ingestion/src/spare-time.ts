import type { AccountRates } from './account-rates.js';

/** Events that go in together. */
export interface Wanted {
  readonly count: number;
  /** Whether they are a piece of a larger request. */
  readonly isPiece: boolean;
}

/** What an account may take, and more. */
export interface Share {
  /** However busy the process is. */
  readonly guaranteed: AccountRates;
  /** Above it while the event loop is in use for at most so much of its time (0 … 1). */
  readonly inUseMax: number;
}

export interface Shares {
  /** With small requests, and with any while nobody else sends those. */
  readonly alone: Share;
  /** With pieces of larger requests, beside small ones of others. */
  readonly besideOthers: Share;
}

/** Beside others it is one turn in so much time: a whole piece of spare time, taken at once, would be felt by them. */
const BESIDE_OTHERS_EVERY_MS = 20;
/** Others send while a small request of theirs came so lately. */
const LATELY_MS = 1_000;

interface Sender {
  readonly accountId: number;
  atMs: number;
}

/**
 * Who may take time from the process now. What is sent one by one is awaited by somebody; large requests can wait, so
 * beside the former they get what is left when the former is quick.
 */
export class SpareTime {
  /** The two accounts that sent small requests last. */
  private last: Sender | undefined;
  private lastBut: Sender | undefined;
  private spareAgainAtMs = 0;

  /** `loopUse`: the share of its time that the event loop is in use (0 … 1); `now`: epoch ms. */
  constructor(
    private readonly shares: Shares,
    private readonly loopUse: () => number,
    private readonly now: () => number,
  ) {}

  noteSmall(accountId: number): void {
    const atMs = this.now();
    if (this.last?.accountId === accountId) {
      this.last.atMs = atMs;
      return;
    }
    this.lastBut = this.last;
    this.last = { accountId, atMs };
  }

  /** Whether the account may take so many events on; if so, they are noted. */
  mayTake(accountId: number, { count, isPiece }: Wanted): boolean {
    const { alone, besideOthers } = this.shares;
    if (!isPiece || !this.othersSend(accountId)) {
      return !alone.guaranteed.isOver(accountId, count) || this.loopUse() <= alone.inUseMax;
    }
    return !besideOthers.guaranteed.isOver(accountId, count) || this.takeSpare(besideOthers.inUseMax);
  }

  private takeSpare(inUseMax: number): boolean {
    const nowMs = this.now();
    if (nowMs < this.spareAgainAtMs || this.loopUse() > inUseMax) return false;
    this.spareAgainAtMs = nowMs + BESIDE_OTHERS_EVERY_MS;
    return true;
  }

  private othersSend(accountId: number): boolean {
    const other = this.last?.accountId === accountId ? this.lastBut : this.last;
    return other !== undefined && other.atMs > this.now() - LATELY_MS;
  }
}
