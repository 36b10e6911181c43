import { PatienceOverError, type Patience } from './patience.js';

/**
 * What keeps large requests from holding up everything else. They are read a stretch at a time, and of all that are being
 * read one goes on per turn of the event loop. And an account has one at a time: what waits behind it would not be
 * appended any sooner, and where the senders wait no longer by then, it need not be read at all.
 */
export class LargeRequests {
  /** By account that has one: those that wait behind it. */
  private readonly behind = new Map<number, (() => void)[]>();
  private readonly reading: (() => void)[] = [];

  /** Resolves when it is the account's turn, with what to call when the request is answered; throws `PatienceOverError`. */
  async enter(accountId: number, patience: Patience): Promise<() => void> {
    const leave = (): void => this.leave(accountId);
    const others = this.behind.get(accountId);
    if (!others) {
      this.behind.set(accountId, []);
      return leave;
    }
    await new Promise<void>((resolve) => others.push(resolve));
    if (!patience.isOver) return leave;
    leave();
    throw new PatienceOverError();
  }

  /** Resolves in another turn of the event loop, alone of all that wait for one. */
  nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.reading.push(resolve);
      if (this.reading.length === 1) setImmediate(this.goOn);
    });
  }

  private readonly goOn = (): void => {
    this.reading.shift()?.();
    if (this.reading.length > 0) setImmediate(this.goOn);
  };

  private leave(accountId: number): void {
    const next = this.behind.get(accountId)?.shift();
    if (next) next();
    else this.behind.delete(accountId);
  }
}
