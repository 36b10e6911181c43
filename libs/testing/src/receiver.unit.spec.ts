import { afterEach, describe, expect, it } from 'vitest';
import { startReceiver, type Receiver } from './receiver.js';

const post = (url: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal: AbortSignal.timeout(2_000) });

describe('the receiver', () => {
  let receiver: Receiver;
  afterEach(() => receiver.close());

  it('keeps the raw bytes, the path and the headers of a call', async () => {
    receiver = await startReceiver();
    await post(`${receiver.url}/hook?x=1`, '{"n":12345678901234567890}', { 'webhook-id': 'd1' });
    const [call] = await receiver.waitForCalls(1);
    expect(call?.body.toString()).toBe('{"n":12345678901234567890}');
    expect(call?.path).toBe('/hook?x=1');
    expect(receiver.counts.get('d1')).toBe(1);
  });

  it('plays the next answers once each and then the lasting one', async () => {
    receiver = await startReceiver({ behaviour: 204 });
    receiver.respondNext(503, { status: 429, headers: { 'retry-after': '7' }, body: 'later' });
    expect((await post(receiver.url, '')).status).toBe(503);
    const limited = await post(receiver.url, '');
    expect([limited.status, limited.headers.get('retry-after'), await limited.text()]).toEqual([429, '7', 'later']);
    expect((await post(receiver.url, '')).status).toBe(204);
  });

  it('hangs, resets, drips and redirects on command', async () => {
    receiver = await startReceiver({ behaviour: 'hang' });
    const signal = AbortSignal.timeout(80);
    await expect(fetch(receiver.url, { signal })).rejects.toThrow(/timeout/);
    receiver.respond('reset');
    await expect(post(receiver.url, '')).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    receiver.respond({ drip: { everyMs: 5, chunks: 3 } });
    expect(await (await post(receiver.url, '')).text()).toBe('...');
    receiver.respond({ redirect: 'http://127.0.0.1:1/' });
    expect((await post(receiver.url, '')).status).toBe(302);
  });

  it('keeps only the counts when it is told so', async () => {
    receiver = await startReceiver({ keep: 'counts' });
    await Promise.all(['a', 'b', 'a'].map((id) => post(receiver.url, '', { 'webhook-id': id })));
    expect([receiver.total, receiver.calls.length, receiver.counts.get('a')]).toEqual([3, 0, 2]);
  });
});
