import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '@switchhook/testing';
import { Intake, type IntakeOptions } from './intake.js';

const at = (partition: number, ...positions: number[]) =>
  positions.map((position) => ({ topic: 'events.v1', partition, position }));

const FREE = { noteSmall: () => undefined, mayTake: () => true };

function start(options: Partial<IntakeOptions> = {}) {
  const intake = new Intake({ allMax: 100, accountMax: 20, spare: FREE, ...options });
  intake.assigned(0);
  const entered: string[] = [];
  const enter = (accountId: number, count: number): boolean => {
    const turn = intake.enter(accountId, { count, isPiece: false }, { isOver: false });
    void turn?.then(() => entered.push(`${accountId}:${count}`));
    return turn === undefined;
  };
  return { intake, enter, entered };
}
const settled = () => new Promise(setImmediate);

describe('the intake', () => {
  it('lets an account in until it has as much under way as it may; another comes in at once', () => {
    const { enter } = start();
    expect([enter(1, 10), enter(1, 10), enter(1, 1), enter(2, 1)]).toEqual([true, true, false, true]);
  });

  it('keeps room for accounts that come later: one has never more than is still free', () => {
    const { enter } = start({ allMax: 100, accountMax: 1_000 });
    expect([enter(1, 50), enter(1, 1), enter(2, 25), enter(2, 1), enter(3, 1)]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  it('lets those that wait in when what was before them is worked off, account by account, each in its order', async () => {
    const { intake, enter, entered } = start();
    enter(1, 20);
    intake.appended(1, 20, at(0, ...Array(20).keys()));
    enter(2, 20);
    intake.appended(2, 20, at(0, ...Array.from({ length: 20 }, (_, n) => 20 + n)));
    for (const count of [8, 7]) enter(1, count);
    for (const count of [6, 5]) enter(2, count);
    intake.workedOff(0, 10);
    await settled();
    expect(entered).toEqual(['1:8']);
    intake.workedOff(0, 40);
    await settled();
    expect(entered).toEqual(['1:8', '2:6', '1:7', '2:5']);
  });

  it('does not wait for what other processes work off, nor for what was worked off before the log had answered', () => {
    const { intake, enter } = start();
    enter(1, 20);
    intake.appended(1, 20, at(5, ...Array(20).keys()));
    expect(enter(1, 20)).toBe(true);
    intake.workedOff(0, 20);
    intake.appended(1, 20, at(0, ...Array(20).keys()));
    expect(intake.counts()).toEqual({ accounts: 0, underWay: 0 });
  });

  it('forgets a partition that goes away, names that were known, and what the log did not take', () => {
    const { intake, enter } = start();
    enter(1, 3);
    intake.appended(1, 3, [...at(0, 1), undefined]);
    expect(intake.counts()).toEqual({ accounts: 1, underWay: 1 });
    enter(2, 2);
    intake.failed(2, 2);
    intake.revoked(0);
    expect(intake.counts()).toEqual({ accounts: 0, underWay: 0 });
  });

  it('lets an account for which there is no time to spare wait, and others in at once', async () => {
    let hasTime = false;
    const spare = { ...FREE, mayTake: (accountId: number) => accountId !== 1 || hasTime };
    const { enter, entered } = start({ spare });
    expect([enter(1, 5), enter(1, 4), enter(2, 5)]).toEqual([false, false, true]);
    await settled();
    expect(entered).toEqual([]);
    hasTime = true;
    await eventually(() => expect(entered).toEqual(['1:5', '1:4']));
  });

  it('says what it asks for, and who sent small requests, however long they wait', () => {
    const asked: unknown[] = [];
    const small: number[] = [];
    const { intake } = start({
      spare: {
        noteSmall: (accountId) => small.push(accountId),
        mayTake: (...wanted) => asked.push(wanted) === 0,
      },
    });
    void intake.enter(1, { count: 5, isPiece: true }, { isOver: false });
    void intake.enter(2, { count: 1, isPiece: false }, { isOver: false });
    expect(small).toEqual([2]);
    expect(asked).toMatchObject([
      [1, { count: 5, isPiece: true }],
      [2, { count: 1, isPiece: false }],
    ]);
  });

  it('passes over those whose sender has gone, and counts them as nothing', async () => {
    let hasTime = false;
    const { intake } = start({ spare: { ...FREE, mayTake: () => hasTime } });
    const few = (count: number) => ({ count, isPiece: false });
    const patience = { isOver: false };
    const turns = [
      intake.enter(1, few(5), patience),
      intake.enter(1, few(4), { isOver: false }),
      intake.enter(2, few(3), patience),
    ];
    patience.isOver = true;
    hasTime = true;
    expect(await Promise.all(turns.map((turn) => turn ?? Promise.resolve('at once')))).toEqual([false, true, false]);
    expect(intake.counts()).toEqual({ accounts: 1, underWay: 4 });
  });

  it('whatever comes in whatever order: the bounds hold, everybody gets in, and nothing is left at the end', async () => {
    const step = fc.record({ account: fc.integer({ min: 1, max: 4 }), count: fc.integer({ min: 1, max: 10 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), fc.boolean(), async (steps, failing) => {
        const { intake } = start({ allMax: 30, accountMax: 20 });
        const inside: { account: number; count: number }[] = [];
        let entered = 0;
        const enter = (one: { account: number; count: number }) => {
          entered += 1;
          inside.push(one);
        };
        for (const one of steps) {
          const turn = intake.enter(one.account, { count: one.count, isPiece: false }, { isOver: false });
          if (turn) void turn.then(() => enter(one));
          else enter(one);
        }
        for (let next = 0; entered < steps.length || inside.length > 0;) {
          await settled();
          // A lone first of an account may go over what is free by what it is itself.
          expect(intake.counts().underWay).toBeLessThanOrEqual(30 + 9);
          const one = inside.shift()!;
          if (failing && one.count % 3 === 0) intake.failed(one.account, one.count);
          else {
            const places = at(0, ...Array.from({ length: one.count }, (_, n) => next + n));
            intake.appended(one.account, one.count, places);
            next += one.count;
            intake.workedOff(0, next);
          }
        }
        expect(intake.counts()).toEqual({ accounts: 0, underWay: 0 });
      }),
    );
  });
});
