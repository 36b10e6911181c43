import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer in full. `delayMs` passes before its first byte. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly delayMs?: number;
}

/**
 * What a receiver does with one call: a status code; an answer; `hang` (never answers), `reset` (cuts the connection with
 * an RST), `close` (ends it without an answer), `garbage` (answers what is not HTTP); a body that drips; a redirect.
 */
export type Behaviour =
  | number
  | Answer
  | 'hang'
  | 'reset'
  | 'close'
  | 'garbage'
  | { readonly drip: { readonly everyMs: number; readonly chunks: number } }
  | { readonly redirect: string; readonly status?: number };

/** Does it; resolves when there is nothing more to do for this call. */
export async function play(behaviour: Behaviour, response: ServerResponse): Promise<void> {
  if (typeof behaviour === 'number') response.writeHead(behaviour).end();
  else if (typeof behaviour === 'string') misbehave(behaviour, response);
  else if ('drip' in behaviour) await drip(behaviour.drip, response);
  else if ('redirect' in behaviour) response.writeHead(behaviour.status ?? 302, { location: behaviour.redirect }).end();
  else await answer(behaviour, response);
}

function misbehave(kind: 'hang' | 'reset' | 'close' | 'garbage', response: ServerResponse): void {
  if (kind === 'reset') response.socket?.resetAndDestroy();
  if (kind === 'close') response.socket?.destroy();
  if (kind === 'garbage') response.socket?.end('this is not HTTP\r\n\r\n');
}

async function answer({ status, headers, body, delayMs }: Answer, response: ServerResponse): Promise<void> {
  if (delayMs) await sleep(delayMs, undefined, { ref: false });
  if (!response.destroyed) response.writeHead(status, headers).end(body);
}

async function drip({ everyMs, chunks }: { everyMs: number; chunks: number }, response: ServerResponse): Promise<void> {
  response.writeHead(200);
  for (let sent = 0; sent < chunks && !response.destroyed; sent += 1) {
    response.write('.');
    await sleep(everyMs, undefined, { ref: false });
  }
  response.end();
}
