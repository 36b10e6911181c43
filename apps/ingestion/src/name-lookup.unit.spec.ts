import { describe, expect, it } from 'vitest';
import { NameLookup } from './name-lookup.js';

function slowStore(known: readonly string[]) {
  const asked: (readonly string[])[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const find = (keys: readonly string[]): Promise<ReadonlySet<string>> => {
    asked.push(keys);
    return new Promise((resolve, reject) => {
      waiting.push((error) => (error ? reject(error) : resolve(new Set(keys.filter((key) => known.includes(key))))));
    });
  };
  const answer = async (error?: Error): Promise<void> => {
    waiting.shift()?.(error);
    await new Promise(setImmediate);
  };
  return { asked, find, answer };
}

describe('look-ups of names', () => {
  it('go at once when none is under way, and together when one is', async () => {
    const store = slowStore(['b', 'c']);
    const lookup = new NameLookup(store.find);
    const first = lookup.known(['a']);
    await new Promise(setImmediate);
    expect(store.asked).toEqual([['a']]);
    const second = lookup.known(['b']);
    const third = lookup.known(['c', 'd']);
    await store.answer();
    expect(store.asked).toEqual([['a'], ['b', 'c', 'd']]);
    await store.answer();
    expect((await first).has('a')).toBe(false);
    expect([(await second).has('b'), (await third).has('c'), (await third).has('d')]).toEqual([true, true, false]);
  });

  it('fail together, and the next one is asked anew', async () => {
    const store = slowStore(['a']);
    const lookup = new NameLookup(store.find);
    const failing = lookup.known(['a']);
    failing.catch(() => undefined);
    const next = lookup.known(['a']);
    await new Promise(setImmediate);
    await store.answer(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    await store.answer();
    expect(await next).toEqual(new Set(['a']));
  });
});
