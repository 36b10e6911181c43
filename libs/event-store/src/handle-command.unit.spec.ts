import { describe, expect, it } from 'vitest';
import { ConcurrencyError, type EventStore } from './event-store.js';
import { handleCommand, type Handled } from './handle-command.js';
import { memoryEventStore } from './memory-event-store.js';

interface Added {
  readonly type: 'added';
  readonly amount: number;
}

const add = (store: EventStore, amount: number): Promise<Handled<number, Added>> =>
  handleCommand(
    { store },
    {
      streamId: 'sum',
      initialState: 0,
      evolve: (sum: number, fact: Added) => sum + fact.amount,
      decide: (sum): Added[] => {
        if (sum + amount > 10) throw new Error('too much');
        return amount === 0 ? [] : [{ type: 'added', amount }];
      },
      typeOf: ({ type }) => type,
    },
  );

/** A store in which somebody else is quicker, `times` times. */
function contended(store: EventStore, times: number): EventStore {
  let left = times;
  return {
    ...store,
    async append(streamId, expectedVersion, events) {
      if (left > 0) {
        left -= 1;
        await store.append(streamId, expectedVersion, [{ type: 'added', data: { type: 'added', amount: 1 } }]);
      }
      return store.append(streamId, expectedVersion, events);
    },
  };
}

describe('handleCommand', () => {
  it('folds the stream, decides, appends, and answers with the new state', async () => {
    const store = memoryEventStore(() => 0);
    await add(store, 3);
    expect(await add(store, 4)).toEqual({
      state: 7,
      facts: [{ type: 'added', amount: 4 }],
      appended: { version: 2, position: 2 },
    });
  });

  it('appends nothing when nothing is decided, or when the command is refused', async () => {
    const store = memoryEventStore(() => 0);
    expect(await add(store, 0)).toEqual({ state: 0, facts: [], appended: null });
    await expect(add(store, 11)).rejects.toThrow('too much');
    expect(await store.readAll(1, 10)).toEqual([]);
  });

  it('decides again on the new state when somebody else was quicker, three times', async () => {
    const store = memoryEventStore(() => 0);
    expect((await add(contended(store, 3), 5)).state).toBe(8);
    await expect(add(contended(store, 4), 0)).resolves.toMatchObject({ appended: null });
    await expect(add(contended(store, 1), 2)).rejects.toThrow('too much');
  });

  it('gives up after the third retry', async () => {
    const store = memoryEventStore(() => 0);
    await expect(add(contended(store, 4), 1)).rejects.toThrow(ConcurrencyError);
  });
});
