import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'node:http';
import type { Api } from './api.js';

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
const CONNECTIONS = 128;
/** How many seconds of events a producer keeps while nobody takes them. */
const KEPT_SECONDS = 2;
const ANSWER_WITHIN_MS = 10_000;

/**
 * Sends events at a steady rate, whatever the answers take (an open loop), as a producer would: an event without an answer,
 * or with a 5xx, is sent again under the same id until it is acknowledged. Two seconds of events wait for that at most: how
 * much a run sends does not depend on how long a slow machine takes to start the process again.
 */
export function startLoad({ api, perSecond, accounts, signal }: LoadOptions): Load {
  const acknowledged = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let paidUntil = performance.now();
  let sent = 0;
  let stopped = false;

  const timer = setInterval(() => {
    const nowMs = performance.now();
    for (; paidUntil < nowMs && !stopped; paidUntil += 1_000 / perSecond) {
      if (underWay.size < perSecond * KEPT_SECONDS) begin(sent++);
    }
  }, TICK_MS);

  const begin = (n: number): void => {
    const account = accounts[n % accounts.length] ?? 1;
    const id = `event-${n}`;
    const done = send(id, account, n).then(() => {
      acknowledged.set(id, account);
      underWay.delete(done);
    });
    done.catch(() => undefined); // Told by stop().
    underWay.add(done);
  };

  // As a producer's pool of connections would be: a process that is down must not cost us all our file descriptors.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  const send = async (id: string, account: number, n: number): Promise<void> => {
    const body = Buffer.from(JSON.stringify({ id: 7_420_017_300_281, n, message: 'x'.repeat(900) }));
    for (;;) {
      signal.throwIfAborted();
      const status = await post(agent, api(), { id, account, subject: `call-${n % 100}` }, body).catch(() => 0);
      if (status === 202) return;
      if (status !== 0 && status < 500) throw new Error(`${id} was refused with ${status}`);
      await (status === 0 ? (back ??= whenBack()) : sleep(100));
    }
  };

  // One question for all that wait: thousands that knock ten times a second would take the machine from the process that starts.
  let back: Promise<void> | undefined;
  const whenBack = async (): Promise<void> => {
    do await sleep(100, undefined, { signal });
    while (!(await isThere(api())));
    back = undefined;
  };

  return {
    acknowledged,
    sent: () => sent,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}

const isThere = ({ url }: Api): Promise<boolean> =>
  fetch(`${url}/health/live`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** Posts one event in binary mode; answers with the status. Rejects without an answer. */
function post(
  agent: Agent,
  api: Api,
  event: { readonly id: string; readonly account: number; readonly subject: string },
  body: Buffer,
): Promise<number> {
  const headers = {
    authorization: `Basic ${Buffer.from(`${api.username}:${api.password}`).toString('base64')}`,
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': 'load',
    'ce-type': 'OutboundCall.Finished',
    'ce-subject': event.subject,
    'ce-accountid': String(event.account),
  };
  return new Promise((resolve, reject) => {
    const call = request(`${api.url}/v2/events`, { agent, method: 'POST', headers }, (answer) => {
      answer
        .resume()
        .on('end', () => resolve(answer.statusCode ?? 0))
        .on('error', reject);
    });
    call.setTimeout(ANSWER_WITHIN_MS, () => call.destroy(new Error('no answer in time')));
    call.on('error', reject).end(body);
  });
}
