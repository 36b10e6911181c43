import { beforeEach, describe, expect, it } from 'vitest';
import { ConcurrencyError, type EventStore } from './event-store.js';

const fact = (type: string, data: unknown = {}): { type: string; data: unknown } => ({ type, data });

/** What every event store promises. `make` returns an empty one whose clock says 1,700,000,000,000. */
export function describeEventStore(name: string, make: () => Promise<EventStore>): void {
  describe(`event store: ${name}`, () => {
    let store: EventStore;
    beforeEach(async () => {
      store = await make();
    });

    it('gives back what was appended, with versions per stream and positions over all', async () => {
      expect(await store.append('a', 0, [fact('one', { n: 1, text: '\u0000 "ü"' }), fact('two')])).toEqual({
        version: 2,
        position: 2,
      });
      await store.append('b', 0, [{ ...fact('three'), metadata: { by: '7' } }]);
      expect(await store.append('a', 2, [fact('four')])).toEqual({ version: 3, position: 4 });

      const recordedAt = 1_700_000_000_000;
      expect(await store.readStream('a')).toEqual([
        {
          position: 1,
          streamId: 'a',
          version: 1,
          type: 'one',
          data: { n: 1, text: '\u0000 "ü"' },
          metadata: {},
          recordedAt,
        },
        { position: 2, streamId: 'a', version: 2, type: 'two', data: {}, metadata: {}, recordedAt },
        { position: 4, streamId: 'a', version: 3, type: 'four', data: {}, metadata: {}, recordedAt },
      ]);
      expect(await store.readStream('b')).toMatchObject([{ position: 3, metadata: { by: '7' } }]);
    });

    it('has an empty stream where nothing was appended', async () => {
      expect(await store.readStream('nobody')).toEqual([]);
      expect(await store.readAll(1, 10)).toEqual([]);
    });

    it('refuses an append at another version than the expected one, and changes nothing', async () => {
      await store.append('a', 0, [fact('one')]);
      await expect(store.append('a', 0, [fact('again')])).rejects.toThrow(ConcurrencyError);
      await expect(store.append('a', 2, [fact('ahead')])).rejects.toThrow('Stream a is at version 1, not 2');
      expect((await store.readAll(1, 10)).map(({ type }) => type)).toEqual(['one']);
    });

    it('lets exactly one of many writers win each version', async () => {
      const append = (writer: number): Promise<boolean> =>
        store.append('a', 0, [fact(`by ${writer}`)]).then(
          () => true,
          (error: unknown) => {
            expect(error).toBeInstanceOf(ConcurrencyError);
            return false;
          },
        );
      const won = await Promise.all(Array.from({ length: 10 }, (_, writer) => append(writer)));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await store.readStream('a')).toHaveLength(1);
    });

    it('reads all from a position, inclusive, at most as many as asked for', async () => {
      await store.append('a', 0, [fact('1'), fact('2'), fact('3')]);
      await store.append('b', 0, [fact('4')]);
      expect((await store.readAll(2, 2)).map(({ type }) => type)).toEqual(['2', '3']);
      expect((await store.readAll(4, 10)).map(({ type }) => type)).toEqual(['4']);
      expect(await store.readAll(5, 10)).toEqual([]);
    });
  });
}
