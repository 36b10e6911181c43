import { describe, expect, it } from 'vitest';
import { BulkTurns } from './bulk-turns.js';

const NEVER = new AbortController().signal;

/** Whether it has resolved once all that is ready has run. */
async function isDone(turn: Promise<void>): Promise<boolean> {
  let done = false;
  void turn.then(() => (done = true));
  await new Promise(setImmediate);
  return done;
}

describe('the bulk topic', () => {
  it('has every turn while the normal topic has no lag', async () => {
    const turns = new BulkTurns(() => 0);
    for (let batch = 0; batch < 10; batch++) expect(await isDone(turns.bulkTurn(100, NEVER))).toBe(true);
  });

  it('gets one record in ten while the normal topic has lag', async () => {
    const turns = new BulkTurns(() => 5);
    let bulk = 0;
    const signBulk = async (): Promise<void> => {
      for (;;) {
        await turns.bulkTurn(10, NEVER);
        bulk += 10;
      }
    };
    void signBulk();
    for (let normal = 0; normal < 900; normal += 30) {
      turns.normalDone(30);
      await new Promise(setImmediate);
    }
    expect(bulk).toBe(100);
  });

  it('goes on as soon as the lag is gone, and when its partition is taken away', async () => {
    let lag = 5;
    const turns = new BulkTurns(() => lag);
    const turn = turns.bulkTurn(100, NEVER);
    expect(await isDone(turn)).toBe(false);
    lag = 0;
    turns.normalDone(1);
    expect(await isDone(turn)).toBe(true);
    lag = 5;
    const taken = new AbortController();
    const last = turns.bulkTurn(100, taken.signal);
    expect(await isDone(last)).toBe(false);
    taken.abort();
    expect(await isDone(last)).toBe(true);
  });

  it('gets on, if slowly, while nothing comes of the normal topic although that has lag', async () => {
    const turns = new BulkTurns(() => 5);
    await turns.bulkTurn(100, NEVER);
  });

  it('saves no turns up for a flood', async () => {
    const turns = new BulkTurns(() => 5);
    turns.normalDone(1_000_000);
    await turns.bulkTurn(1_000, NEVER);
    expect(await isDone(turns.bulkTurn(1, NEVER))).toBe(false);
    turns.normalDone(9);
  });
});
