import { HEADER, TOPICS, type EndpointChange } from '@switchhook/contracts';
import type { LogRecord, OutgoingRecord } from '@switchhook/event-log';
import { eventually } from '@switchhook/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Breakers, endpointOf, type BreakerChange } from './breakers.js';
import { webhookFixture } from './delivery.fixture.js';
import { EndpointGossip } from './endpoint-gossip.js';
import type { CallAnswer, CallToSend } from './http-sender.js';

const A = { key: 'a', accountId: 1 };
const B = { key: 'b', accountId: 2 };
const OPEN_MS = 25;
const FAR_MS = 3_600_000;

const answerOf = (statusCode: number | null, more: Partial<CallAnswer> = {}): CallAnswer => ({
  statusCode,
  error: statusCode === null ? 'refused' : null,
  responseBody: null,
  abandoned: false,
  ...more,
});
const CALL: CallToSend = {
  call: { method: 'POST', url: 'http://receiver.example/', headers: {}, signingKeyIds: [] },
  body: Buffer.from('body'),
  timeoutMs: 1_000,
  nonStrictSsl: false,
  allowLoopback: false,
  signal: new AbortController().signal,
};

const running: Breakers[] = [];
afterEach(() => running.splice(0).forEach((breakers) => breakers.stop()));

/** Breakers whose endpoint answers as `answer` says; `openMs` is how long they stay open at first. */
function breakersOf(options: { openMs?: number; endpointsMax?: number; now?: () => number } = {}) {
  const state = { answer: answerOf(200), sent: 0, hold: undefined as Promise<void> | undefined };
  const changes: BreakerChange[] = [];
  const asked: number[] = [];
  const breakers = new Breakers({
    send: async () => {
      state.sent += 1;
      const { answer, hold } = state;
      await hold;
      return answer;
    },
    now: options.now ?? (() => Date.now()),
    openTimeMs: (openings) => {
      asked.push(openings);
      return options.openMs ?? FAR_MS;
    },
    ...(options.endpointsMax === undefined ? {} : { endpointsMax: options.endpointsMax }),
  });
  running.push(breakers);
  breakers.onChange((change) => changes.push(change));
  const send = (answer: CallAnswer, endpoint = A) => {
    state.answer = answer;
    return breakers.send(endpoint, CALL);
  };
  const fail = async (times: number, endpoint = A) => {
    for (let i = 0; i < times; i++) await send(answerOf(null), endpoint);
  };
  const states = () => changes.map((change) => change.state);
  const gossip = () => changes.flatMap((change) => change.gossip ?? []);
  return { breakers, state, send, fail, changes, states, gossip, asked };
}

function holdable() {
  let release = () => undefined as void;
  const hold = new Promise<void>((resolve) => (release = resolve));
  return { hold, release };
}

describe('the breaker of an endpoint', () => {
  it('opens after five connections in a row that did not come about; from then on nothing is sent', async () => {
    const { breakers, send, fail, state, states } = breakersOf();
    await fail(4);
    expect(breakers.state(A.key)).toBe('closed');
    await fail(1);
    expect(breakers.state(A.key)).toBe('open');
    expect(await send(answerOf(200))).toBe('held');
    expect(state.sent).toBe(5);
    expect(states()).toEqual(['open']);
    expect(breakers.limit(A.key)).toBe(0);
  });

  it('says to wait exactly as long as the rule says, counted from its opening, however long that takes', async () => {
    let nowMs = Date.now();
    const { breakers, fail } = breakersOf({ now: () => (nowMs += 3) });
    await fail(5);
    const { since, nextProbeAt } = breakers.circuit(A.key);
    expect(nextProbeAt! - since!).toBe(FAR_MS);
  });

  it('stays closed under any number of 4xx and 429', async () => {
    const { breakers, send } = breakersOf();
    for (let i = 0; i < 60; i++) await send(answerOf(i % 2 ? 404 : 429));
    expect(breakers.state(A.key)).toBe('closed');
    expect(breakers.counts()).toEqual({ closed: 0, open: 0, 'half-open': 0 });
  });

  it('is one for each endpoint', async () => {
    const { breakers, send, fail } = breakersOf();
    await fail(5);
    expect(await send(answerOf(200), B)).toMatchObject({ statusCode: 200 });
    expect(breakers.limit(B.key)).toBe(Infinity);
  });

  it('lets exactly one call through when half-open, and closes when that succeeds', async () => {
    const { breakers, state, send, fail, states } = breakersOf({ openMs: OPEN_MS });
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    expect(breakers.limit(A.key)).toBe(1);
    const { hold, release } = holdable();
    state.hold = hold;
    const trial = send(answerOf(200));
    expect(breakers.limit(A.key)).toBe(0);
    expect(await send(answerOf(200))).toBe('held');
    release();
    expect(await trial).toMatchObject({ statusCode: 200 });
    expect(breakers.state(A.key)).toBe('closed');
    expect(state.sent).toBe(6);
    expect(states()).toEqual(['open', 'half-open', 'closed']);
  });

  it('opens again, for longer, when the trial fails, and hands on what came back', async () => {
    const { breakers, send, fail, gossip, asked } = breakersOf({ openMs: OPEN_MS });
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    expect(await send(answerOf(503))).toMatchObject({ statusCode: 503 });
    expect(breakers.state(A.key)).toBe('open');
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    await send(answerOf(503));
    expect(asked).toEqual([1, 2, 3]);
    expect(gossip().map(({ openings }) => openings)).toEqual([1, 2, 3]);
  });

  it('takes a 404 to the trial for an endpoint that is there', async () => {
    const { breakers, send, fail } = breakersOf({ openMs: OPEN_MS });
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    await send(answerOf(404));
    expect(breakers.state(A.key)).toBe('closed');
  });

  it('does not count against the endpoint a trial that we broke off', async () => {
    const { breakers, send, fail, asked } = breakersOf({ openMs: OPEN_MS });
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    await send(answerOf(null, { abandoned: true }));
    expect(breakers.state(A.key)).toBe('open');
    expect(asked).toEqual([1, 1]);
  });

  it('is not closed during the trial by a call that began before it opened', async () => {
    const { breakers, state, send, fail } = breakersOf({ openMs: OPEN_MS });
    const { hold, release } = holdable();
    state.hold = hold;
    const early = send(answerOf(200));
    state.hold = undefined;
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    release();
    await early;
    expect(breakers.state(A.key)).toBe('half-open');
    expect(breakers.limit(A.key)).toBe(1);
  });

  it('is not held open for longer by calls that began before it opened and fail later', async () => {
    const { breakers, state, send, fail, states, asked } = breakersOf();
    const { hold, release } = holdable();
    state.hold = hold;
    const early = Array.from({ length: 12 }, () => send(answerOf(null)));
    state.hold = undefined;
    await fail(5);
    release();
    await Promise.all(early);
    expect([states(), asked]).toEqual([['open'], [1]]);
    expect(breakers.counts().closed).toBe(0);
  });

  it('lets a lane grow from one record, twice as many with each success, until nothing holds it back', async () => {
    const { breakers, send, fail } = breakersOf({ openMs: OPEN_MS });
    await fail(5);
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    const limits = [];
    for (let i = 0; i < 12; i++) {
      await send(answerOf(200));
      limits.push(breakers.limit(A.key));
    }
    expect(limits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, Infinity, Infinity]);
  });

  it('is not forgotten while it is open, whatever else is remembered', async () => {
    const { breakers, fail } = breakersOf({ endpointsMax: 2 });
    await fail(5);
    for (let i = 0; i < 50; i++) await fail(1, { key: `other-${i}`, accountId: 1 });
    expect(breakers.state(A.key)).toBe('open');
    expect(breakers.counts()).toEqual({ closed: 2, open: 1, 'half-open': 0 });
  });
});

describe('what an endpoint is', () => {
  const key = (more: Parameters<typeof webhookFixture>[0]) => endpointOf(webhookFixture(more)).key;

  it('account, origin, path and TLS profile tell endpoints apart; the query does not', () => {
    const same = key({ callback: 'https://a.example/hook?x=1' });
    expect(key({ callback: 'https://a.example/hook?x=2', id: 9 })).toBe(same);
    const others = [
      key({ callback: 'https://a.example/hook', accountId: 2 }),
      key({ callback: 'https://a.example/other' }),
      key({ callback: 'https://b.example/hook' }),
      key({ callback: 'http://a.example/hook' }),
      key({ callback: 'https://a.example/hook', nonStrictSsl: true }),
      key({ callback: 'https://a.example/hook', tls: { caCertificates: 'ca' } }),
      key({ callback: 'https://a.example/hook', tls: { clientCertificate: 'ca' } }),
      key({ callback: 'https://a.example/hook', tls: { caCertificates: 'ca' }, nonStrictSsl: true }),
    ];
    expect(new Set([same, ...others]).size).toBe(9);
  });
});

describe('gossip about endpoints', () => {
  /** `endpoints.v1` in memory, with instances on it. */
  function topic() {
    const records: LogRecord[] = [];
    const followers: ((batch: readonly LogRecord[]) => void | Promise<void>)[] = [];
    let away = false;
    const errors: unknown[] = [];
    const unreadable: string[] = [];
    const append = (record: Pick<OutgoingRecord, 'value' | 'headers'>) => {
      const place = {
        topic: TOPICS.endpoints.name,
        partition: 0,
        position: records.length,
        appendedAtMs: 0,
        key: null,
      };
      records.push({ ...place, ...record });
      for (const follower of followers) void follower(records.slice(-1));
    };
    const join = async (options?: Parameters<typeof breakersOf>[0]) => {
      const instance = breakersOf(options);
      const gossip = new EndpointGossip({
        log: {
          publish: async (outgoing) => {
            if (away) throw new Error('the log is away');
            outgoing.forEach(append);
            return [];
          },
          follow: async (_name, onRecords) => {
            followers.push(onRecords);
            return {
              caughtUp: Promise.resolve(onRecords(records)).then(() => undefined),
              reachEnd: async () => undefined,
              close: async () => undefined,
            };
          },
        },
        breakers: instance.breakers,
        onUnreadable: (_record, reason) => unreadable.push(reason),
        onError: (error) => errors.push(error),
      });
      await gossip.restored();
      return instance;
    };
    return { join, records, append, errors, unreadable, setAway: (is: boolean) => (away = is) };
  }
  const changeOf = (more: Partial<EndpointChange>): Pick<OutgoingRecord, 'value' | 'headers'> => {
    const change = { endpoint: A.key, accountId: 1, state: 'open', at: 1, openings: 1, retryAt: Date.now() + FAR_MS };
    return { value: Buffer.from(JSON.stringify({ ...change, ...more })), headers: {} };
  };

  it('opens the breaker of every instance, and closes it when one instance has found the endpoint well', async () => {
    const { join, records } = topic();
    const [one, two] = [await join({ openMs: OPEN_MS }), await join()];
    await one.fail(5);
    await eventually(() => expect(two.breakers.state(A.key)).toBe('open'));
    expect(two.gossip()).toEqual([]);
    await eventually(() => expect(one.breakers.state(A.key)).toBe('half-open'));
    await one.send(answerOf(200));
    await eventually(() => expect(two.breakers.state(A.key)).toBe('closed'));
    expect(two.breakers.limit(A.key)).toBe(1);
    expect(records.map(({ headers }) => headers[HEADER.accountId])).toEqual(['1', '1']);
  });

  it('keeps an open breaker open over a restart, until its time', async () => {
    const { join } = topic();
    const before = await join();
    await before.fail(5);
    await eventually(() => expect(before.gossip()).toHaveLength(1));
    const after = await join();
    expect(after.breakers.state(A.key)).toBe('open');
    expect(await after.send(answerOf(200))).toBe('held');
    expect(after.state.sent).toBe(0);
    expect(after.breakers.retryAt(A.key)).toBe(before.breakers.retryAt(A.key));
  });

  it('lets a trial through at once when the time has passed during the restart', async () => {
    const { join, append } = topic();
    append(changeOf({ retryAt: Date.now() - 1, openings: 3 }));
    const { breakers, send, asked } = await join();
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
    await send(answerOf(503));
    expect(asked.at(-1)).toBe(4);
  });

  it('believes the newest, and never an older one', async () => {
    const { join, append } = topic();
    const { breakers } = await join();
    append(changeOf({ at: 10 }));
    append(changeOf({ at: 9, state: 'closed' }));
    expect(breakers.state(A.key)).toBe('open');
    append(changeOf({ at: 11, state: 'closed' }));
    append(changeOf({ at: 10 }));
    expect(breakers.state(A.key)).toBe('closed');
  });

  it('is not kept from a trial for ever by an instance whose clock is wrong', async () => {
    const { join, append } = topic();
    append(changeOf({ retryAt: Date.now() + 100 * FAR_MS }));
    const { breakers } = await join({ openMs: OPEN_MS });
    await eventually(() => expect(breakers.state(A.key)).toBe('half-open'));
  });

  it('goes on after a record that it cannot read', async () => {
    const { join, append, unreadable } = topic();
    append({ value: Buffer.from('{"endpoint":1}'), headers: {} });
    append(changeOf({}));
    expect((await join()).breakers.state(A.key)).toBe('open');
    expect(unreadable).toHaveLength(1);
  });

  it('tells the newest state once the log is back', async () => {
    const { join, records, errors, setAway } = topic();
    const one = await join({ openMs: OPEN_MS });
    setAway(true);
    await one.fail(5);
    await eventually(() => expect(one.breakers.state(A.key)).toBe('half-open'));
    await one.send(answerOf(200));
    await eventually(() => expect(errors.length).toBeGreaterThan(0));
    setAway(false);
    await eventually(() => expect(records).toHaveLength(1));
    expect(JSON.parse(String(records[0]?.value))).toMatchObject({ state: 'closed', openings: 0 });
  });
});
