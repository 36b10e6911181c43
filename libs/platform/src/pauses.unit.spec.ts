import { describe, expect, it } from 'vitest';
import { fakeResources } from './fakes/fake-resources.js';
import { PAUSE, aWebhook, pauseRecord, webhookRecord } from './fakes/samples.js';

const MINE = aWebhook({ id: 7, accountId: 3 });
const OTHERS = aWebhook({ id: 8, accountId: 4 });
const at = (since: number) => ({ ...PAUSE, since });

async function directory() {
  const { log, webhooks } = await fakeResources();
  const { pauses } = webhooks;
  const held = () => [MINE, OTHERS].map(({ id }) => pauses.of(webhooks.get(id)!)?.since);
  await log.publish([webhookRecord(MINE), webhookRecord(OTHERS)]);
  return { log, webhooks, pauses, held };
}

describe('what is paused', () => {
  it('is everything, an account or a webhook, until that is resumed', async () => {
    const { log, held } = await directory();
    expect(held()).toEqual([undefined, undefined]);
    await log.publish([pauseRecord({ version: 1, pause: at(10) })]);
    expect(held()).toEqual([10, 10]);
    await log.publish([pauseRecord({ version: 2 }), pauseRecord({ accountId: 3, version: 1, pause: at(20) })]);
    expect(held()).toEqual([20, undefined]);
    await log.publish([pauseRecord({ accountId: 3, version: 2 })]);
    await log.publish([webhookRecord({ ...OTHERS, version: 2, pause: at(30) }, 'webhook.paused')]);
    expect(held()).toEqual([undefined, 30]);
    await log.publish([webhookRecord({ ...OTHERS, version: 3 }, 'webhook.resumed')]);
    expect(held()).toEqual([undefined, undefined]);
  });

  it('stays held while anything holds it, and has been since the first of it', async () => {
    const { log, held } = await directory();
    await log.publish([
      webhookRecord({ ...MINE, version: 2, pause: at(20) }),
      pauseRecord({ accountId: 3, version: 1, pause: at(10) }),
      pauseRecord({ version: 1, pause: at(30) }),
    ]);
    expect(held()).toEqual([10, 30]);
    await log.publish([pauseRecord({ accountId: 3, version: 2 })]);
    expect(held()).toEqual([20, 30]);
    await log.publish([webhookRecord({ ...MINE, version: 3 })]);
    expect(held()).toEqual([30, 30]);
  });

  it('is what the newest version says, whatever comes later', async () => {
    const { log, held } = await directory();
    await log.publish([pauseRecord({ version: 2 }), pauseRecord({ version: 1, pause: at(10) })]);
    expect(held()).toEqual([undefined, undefined]);
  });

  it('is listed and counted by its scope; a deleted webhook is not', async () => {
    const { log, pauses } = await directory();
    await log.publish([
      webhookRecord({ ...OTHERS, version: 2, pause: at(40) }),
      webhookRecord({ ...MINE, version: 2, pause: at(20) }),
      pauseRecord({ accountId: 4, version: 1, pause: at(10) }),
      pauseRecord({ version: 1, pause: at(30) }),
    ]);
    expect(pauses.counts()).toEqual({ all: 1, account: 1, webhook: 2 });
    expect(pauses.list()).toEqual([
      { scope: 'all', paused: true, ...at(30) },
      { scope: 'account', accountId: 4, paused: true, ...at(10) },
      { scope: 'webhook', accountId: 3, webhookId: 7, paused: true, ...at(20) },
      { scope: 'webhook', accountId: 4, webhookId: 8, paused: true, ...at(40) },
    ]);
    await log.publish([webhookRecord({ ...MINE, version: 3, status: 'deleted', pause: at(20) })]);
    expect(pauses.counts()).toEqual({ all: 1, account: 1, webhook: 1 });
  });

  it('is told to listeners when it changes, and only then', async () => {
    const { log, pauses } = await directory();
    let told = 0;
    const end = pauses.onChange(() => (told += 1));
    await log.publish([pauseRecord({ version: 1, pause: at(10) }), pauseRecord({ version: 1, pause: at(10) })]);
    expect(told).toBe(1);
    await log.publish([webhookRecord({ ...MINE, version: 2, pause: at(20) })]);
    await log.publish([webhookRecord({ ...MINE, version: 3, pause: at(20), name: 'renamed' })]);
    expect(told).toBe(2);
    await log.publish([webhookRecord({ ...MINE, version: 4 })]);
    expect(told).toBe(3);
    end();
    await log.publish([pauseRecord({ version: 2 })]);
    expect(told).toBe(3);
  });
});
