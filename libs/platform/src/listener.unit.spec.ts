import { afterEach, describe, expect, it } from 'vitest';
import { openListener, type Listener } from './listener.js';
import { Readiness } from './readiness.js';
import { StartError } from './start-error.js';

const open: Listener[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

async function listen(port = 0): Promise<Listener & { url: string }> {
  const readiness = new Readiness();
  readiness.add('database', () => 'waiting for the database');
  const listener = await openListener('127.0.0.1', port, readiness);
  open.push(listener);
  return Object.assign(listener, { url: `http://127.0.0.1:${listener.port}` });
}

describe('listener', () => {
  it('answers for health before anything else is there', async () => {
    const { url } = await listen();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${url}/health/ready?x`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      checks: { database: { ok: false, reason: 'waiting for the database' } },
    });
    const other = await fetch(`${url}/v2/events`, { method: 'POST', body: 'x' });
    expect([other.status, other.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('lets the handler answer from the moment that it is handed over', async () => {
    const listener = await listen();
    listener.handOver((_, response) => void response.end('mine'));
    expect(await (await fetch(listener.url)).text()).toBe('mine');
  });

  it('finishes the request under way when it closes, and takes no other', async () => {
    const listener = await listen();
    let finish = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      listener.handOver((_, response) => {
        finish = () => void response.end('done');
        resolve();
      });
    });
    const answer = fetch(listener.url);
    await arrived;
    const closed = listener.close(10_000);
    await expect(fetch(listener.url)).rejects.toThrow();
    finish();
    expect(await (await answer).text()).toBe('done');
    await closed;
  });

  it('cuts what outlasts the grace', async () => {
    const listener = await listen();
    const arrived = new Promise<void>((resolve) => listener.handOver(() => resolve()));
    const answer = fetch(listener.url).then(
      () => 'answered',
      () => 'cut',
    );
    await arrived;
    await listener.close(10);
    expect(await answer).toBe('cut');
  });

  it('says in one line that a port is in use', async () => {
    const { port } = await listen();
    const error = await listen(port).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartError);
    expect((error as Error).message).toBe(
      `Port ${port} on 127.0.0.1 is in use; set PORT to another one (0: any free one)`,
    );
  });
});
