import { describe, expect, it } from 'vitest';
import type { WebhookEvent } from '@switchhook/contracts';
import { fakeResources } from './fakes/fake-resources.js';
import { PAUSE, aWebhook, pauseRecord, webhookRecord } from './fakes/samples.js';

const FINISHED = 'OutboundCall.Finished';

describe('webhook directory', () => {
  it('finds the webhooks of an account that name an event type, in the order of their ids', async () => {
    const { log, webhooks } = await fakeResources();
    await log.publish([
      webhookRecord(aWebhook({ id: 9 })),
      webhookRecord(aWebhook({ id: 7 })),
      webhookRecord(aWebhook({ id: 8, resource: 'InboundCall' })),
      webhookRecord(aWebhook({ id: 10, accountId: 4 })),
    ]);
    expect(webhooks.webhooksFor(3, FINISHED).map(({ id }) => id)).toEqual([7, 9]);
    expect(webhooks.webhooksFor(4, FINISHED).map(({ id }) => id)).toEqual([10]);
    expect(webhooks.webhooksFor(5, FINISHED)).toEqual([]);
  });

  it('answers with the same list until something changes', async () => {
    const { log, webhooks } = await fakeResources();
    await log.publish([webhookRecord(aWebhook())]);
    const before = webhooks.webhooksFor(3, FINISHED);
    expect(webhooks.webhooksFor(3, FINISHED)).toBe(before);
    await log.publish([webhookRecord(aWebhook({ version: 2, callback: 'https://example.com/other' }))]);
    expect(webhooks.webhooksFor(3, FINISHED).map(({ callback }) => callback)).toEqual(['https://example.com/other']);
  });

  it('keeps the newest version whatever comes later', async () => {
    const { log, webhooks } = await fakeResources();
    await log.publish([webhookRecord(aWebhook({ version: 3, name: 'new' }))]);
    await log.publish([webhookRecord(aWebhook({ version: 2, name: 'old' }))]);
    expect(webhooks.get(7)?.name).toBe('new');
    expect([1, 2, 3, 4].map((version) => webhooks.has(7, version))).toEqual([true, true, true, false]);
  });

  it('moves a webhook that names other events', async () => {
    const { log, webhooks } = await fakeResources();
    await log.publish([webhookRecord(aWebhook()), webhookRecord(aWebhook({ version: 2, resource: 'InboundText' }))]);
    expect(webhooks.webhooksFor(3, FINISHED)).toEqual([]);
    expect(webhooks.webhooksFor(3, 'InboundText.Finished')).toHaveLength(1);
  });

  it('knows a deleted webhook and its account, and gives it no more events', async () => {
    const { log, webhooks, accounts } = await fakeResources();
    await log.publish([webhookRecord(aWebhook()), webhookRecord(aWebhook({ version: 2, status: 'deleted' }))]);
    expect(webhooks.get(7)?.status).toBe('deleted');
    expect(webhooks.webhooksFor(3, FINISHED)).toEqual([]);
    expect([1, 3, 4].map((account) => accounts.exists(account))).toEqual([true, true, false]);
  });

  it('counts, logs and skips what it cannot read, without showing it', async () => {
    const { log, webhooks, metrics, lines } = await fakeResources();
    const unreadable = {
      ...webhookRecord(aWebhook()),
      value: Buffer.from('{"type":"webhook.created","secret":"s3cr3t"}'),
    };
    await log.publish([
      unreadable,
      { ...unreadable, value: Buffer.from('s3cr3t') },
      webhookRecord(aWebhook({ id: 8 })),
    ]);
    expect(webhooks.get(8)).toBeDefined();
    expect(await metrics.scrape()).toContain('switchhook_records_unreadable_total{topic="webhooks.v1"} 2');
    expect(lines.filter((line) => line.includes('record skipped'))).toHaveLength(2);
    expect(lines.join()).not.toContain('s3cr3t');
  });

  it('never takes a pause for a webhook, and passes over tombstones', async () => {
    const { log, webhooks, accounts, lines } = await fakeResources();
    await log.publish([
      pauseRecord({ version: 1, pause: PAUSE }),
      pauseRecord({ accountId: 3, version: 1, pause: PAUSE }),
      { topic: 'webhooks.v1', key: '7', value: null, headers: {} },
    ]);
    expect([...webhooks.all()]).toEqual([]);
    expect(accounts.exists(3)).toBe(false);
    expect(lines).toEqual([]);
  });

  it('skips a pause that it cannot read, and keeps the one that it knows', async () => {
    const { log, webhooks, lines } = await fakeResources();
    await log.publish([
      pauseRecord({ version: 1, pause: PAUSE }),
      { topic: 'webhooks.v1', key: 'pause:all', value: Buffer.from('{}'), headers: {} },
    ]);
    expect(webhooks.pauses.of(aWebhook())).toEqual(PAUSE);
    expect(lines.filter((line) => line.includes('record skipped'))).toHaveLength(1);
  });

  it('tells listeners each event that moved a webhook on, and survives a listener that throws', async () => {
    const { log, webhooks } = await fakeResources();
    const seen: WebhookEvent[] = [];
    webhooks.onChange(() => {
      throw new Error('mine');
    });
    const end = webhooks.onChange((event) => seen.push(event));
    const stale = webhookRecord(aWebhook());
    await log.publish([stale, webhookRecord(aWebhook({ version: 2 }), 'webhook.disabled'), stale]);
    end();
    await log.publish([webhookRecord(aWebhook({ version: 3 }))]);
    expect(seen.map(({ type, webhook }) => [type, webhook.version])).toEqual([
      ['webhook.changed', 1],
      ['webhook.disabled', 2],
    ]);
  });
});
