import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.js';
import { request } from './api.js';

export interface LoadOptions {
  /** The API as it is now: a restarted process may have another address. */
  readonly api: () => Api;
  readonly perSecond: number;
  readonly accounts: readonly number[];
  readonly signal: AbortSignal;
}

/** What a run of load has sent: every event that was acknowledged with a 202, by account. */
export interface Load {
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly sent: () => number;
  /** Ends the load and waits until every event that was begun is acknowledged. */
  stop(): Promise<void>;
}

const TICK_MS = 10;

/**
 * Sends events at a steady rate, whatever the answers take (an open loop), as a producer would: an event without an answer,
 * or with a 5xx, is sent again under the same id until it is acknowledged.
 */
export function startLoad({ api, perSecond, accounts, signal }: LoadOptions): Load {
  const acknowledged = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  let stopped = false;

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    while (sent < due && !stopped) begin(sent++);
  }, TICK_MS);

  const begin = (n: number): void => {
    const account = accounts[n % accounts.length] ?? 1;
    const id = `event-${n}`;
    const done = send(id, account, n).then(() => {
      acknowledged.set(id, account);
      underWay.delete(done);
    });
    underWay.add(done);
  };

  const send = async (id: string, account: number, n: number): Promise<void> => {
    const body = { id: 7_420_017_300_281, n, message: 'x'.repeat(900) };
    for (;;) {
      signal.throwIfAborted();
      const status = await request(api(), '/v2/events', {
        method: 'POST',
        timeoutMs: 10_000,
        headers: {
          'content-type': 'application/json',
          'ce-specversion': '1.0',
          'ce-id': id,
          'ce-source': 'load',
          'ce-type': 'OutboundCall.Finished',
          'ce-subject': `call-${n % 100}`,
          'ce-accountid': String(account),
        },
        body: Buffer.from(JSON.stringify(body)),
      }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 202) return;
      if (status !== 0 && status < 500) throw new Error(`${id} was refused with ${status}`);
      await sleep(100);
    }
  };

  return {
    acknowledged,
    sent: () => sent,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
