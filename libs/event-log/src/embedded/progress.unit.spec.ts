import { expect, it } from 'vitest';
import { Progress } from './progress.js';

const move = (position: number) => ({ group: 'a group', topicId: 1, partition: 2, position });
const saving = (progress: Progress) => progress.takeUnsaved(() => true).map(({ position }) => position);

it('what waited to be saved does not undo what was saved with its records meanwhile', () => {
  const progress = new Progress();
  progress.note(move(5));
  progress.saved(move(6));
  expect(saving(progress)).toEqual([]);
  expect(progress.of('a group', 1, 2)).toBe(6);
});

it('what is further than what was saved is still to be saved', () => {
  const progress = new Progress();
  progress.note(move(7));
  progress.saved(move(6));
  expect(saving(progress)).toEqual([7]);
});
