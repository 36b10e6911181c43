import { describe, expect, it } from 'vitest';
import { LargeRequests } from './large-requests.js';
import { PatienceOverError } from './patience.js';

const settled = () => new Promise(setImmediate);
const patient = () => ({ isOver: false });

describe('large requests', () => {
  it('of one account are read one after the other, in their order; another account does not wait', async () => {
    const large = new LargeRequests();
    const entered: string[] = [];
    const enter = (accountId: number, name: string): Promise<() => void> =>
      large.enter(accountId, patient()).then((leave) => {
        entered.push(name);
        return leave;
      });
    const [first, second] = [enter(1, '1a'), enter(1, '1b')];
    void enter(1, '1c');
    void enter(2, '2a');
    await settled();
    expect(entered).toEqual(['1a', '2a']);
    (await first)();
    await settled();
    expect(entered).toEqual(['1a', '2a', '1b']);
    (await second)();
    await settled();
    expect(entered).toEqual(['1a', '2a', '1b', '1c']);
  });

  it('are not read when their sender waits no longer; the next one is', async () => {
    const large = new LargeRequests();
    const leave = await large.enter(1, patient());
    const gone = patient();
    const answers = [large.enter(1, gone), large.enter(1, patient())];
    gone.isOver = true;
    leave();
    await expect(answers[0]).rejects.toThrow(PatienceOverError);
    (await answers[1]!)();
    expect(await large.enter(1, patient())).toBeTypeOf('function');
  });

  it('go on one per turn of the event loop, whoever they are', async () => {
    const large = new LargeRequests();
    let went = 0;
    for (let request = 0; request < 3; request += 1) void large.nextTurn().then(() => (went += 1));
    for (const expected of [1, 2, 3]) {
      await settled();
      expect(went).toBe(expected);
    }
  });
});
