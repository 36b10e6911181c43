import { PauseEventSchema, type PauseEvent } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { given } from './decider.spec-support.js';
import { pauseDecider, type PauseCommand } from './pause.js';

const platform = { by: '1', role: 'platform' } as const;
const account = { by: '9', role: 'account' } as const;
const pause = (who: typeof platform | typeof account, now: number): PauseCommand => ({
  type: 'pause',
  accountId: 7,
  now,
  ...who,
});
const resume = (who: typeof platform | typeof account, now: number): PauseCommand => ({
  ...pause(who, now),
  type: 'resume',
});
/** The facts that `commands` lead to one after the other. */
const after = (...commands: PauseCommand[]): PauseEvent[] =>
  commands.reduce<PauseEvent[]>((facts, next) => [...facts, ...given(pauseDecider, ...facts).when(next).facts], []);

describe('pausing deliveries', () => {
  it('holds them, and says since when and by whom', () => {
    const { facts, state } = given(pauseDecider).when(pause(platform, 100));
    const held = { since: 100, by: '1', role: 'platform' };
    expect(facts).toStrictEqual([
      { type: 'deliveries.paused', at: 100, by: '1', accountId: 7, version: 1, pause: held },
    ]);
    expect(state).toStrictEqual({ version: 1, pause: held });
    expect(() => PauseEventSchema.parse(facts[0])).not.toThrow();
  });

  it('names no account where all are held', () => {
    const { facts } = given(pauseDecider).when({ ...pause(platform, 100), accountId: undefined });
    expect(facts[0]).not.toHaveProperty('accountId');
  });

  it.each([
    ['platform', 'platform', platform, platform],
    ['account', 'account', account, account],
    ['account', 'platform', platform, account],
  ] as const)('changes nothing when the %s says it and the %s had said it', (_again, _first, first, again) => {
    expect(given(pauseDecider, ...after(pause(first, 100))).when(pause(again, 200)).facts).toEqual([]);
  });

  it("becomes the platform's when the platform says it too, and has lasted since the account said it", () => {
    const { state } = given(pauseDecider, ...after(pause(account, 100))).when(pause(platform, 200));
    expect(state).toStrictEqual({ version: 2, pause: { since: 100, by: '1', role: 'platform' } });
  });
});

describe('resuming deliveries', () => {
  it('lets them go on', () => {
    const { facts, state } = given(pauseDecider, ...after(pause(account, 100))).when(resume(account, 200));
    expect(facts).toStrictEqual([{ type: 'deliveries.resumed', at: 200, by: '9', accountId: 7, version: 2 }]);
    expect(state).toStrictEqual({ version: 2 });
  });

  it('changes nothing where nothing is held, the second time too', () => {
    expect(given(pauseDecider).when(resume(platform, 100)).facts).toEqual([]);
    const resumed = after(pause(platform, 100), resume(platform, 200));
    expect(given(pauseDecider, ...resumed).when(resume(platform, 300)).facts).toEqual([]);
  });

  it("is refused to an account for the platform's pause, also where the account had paused first", () => {
    for (const held of [after(pause(platform, 100)), after(pause(account, 50), pause(platform, 100))]) {
      expect(() => given(pauseDecider, ...held).when(resume(account, 200))).toThrow('only the platform may resume it');
      expect(given(pauseDecider, ...held).when(resume(platform, 200)).state.pause).toBeUndefined();
    }
  });

  it('may be followed by another pause, which begins anew', () => {
    const [, , again] = after(pause(platform, 100), resume(platform, 200), pause(platform, 300));
    expect(again).toMatchObject({ version: 3, pause: { since: 300 } });
  });
});
