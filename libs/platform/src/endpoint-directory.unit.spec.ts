import { TOPICS, type EndpointChange } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { EndpointDirectory } from './endpoint-directory.js';
import { fakeResources } from './fakes/fake-resources.js';

const OPEN: EndpointChange = { endpoint: 'a', accountId: 3, state: 'open', at: 100, openings: 1, retryAt: 200 };
const recordOf = (change: object) => ({
  topic: TOPICS.endpoints.name,
  key: 'a',
  value: Buffer.from(JSON.stringify(change)),
  headers: {},
});

describe('endpoint directory', () => {
  it('knows the open breakers of an account, from the beginning of the topic, until they close', async () => {
    const resources = await fakeResources();
    await resources.log.publish([recordOf(OPEN)]);
    const endpoints = await EndpointDirectory.open(resources);
    expect(endpoints.open(3, 'a')).toEqual({ ...OPEN, since: 100 });
    expect(endpoints.open(4, 'a')).toBeUndefined();
    expect([...endpoints.openOf(4)]).toEqual([]);
    await resources.log.publish([recordOf({ ...OPEN, at: 150, retryAt: 300, since: 100 })]);
    expect([...endpoints.openOf(3).values()]).toMatchObject([{ at: 150, retryAt: 300, since: 100 }]);
    await resources.log.publish([recordOf({ ...OPEN, state: 'closed', at: 160 })]);
    expect([...endpoints.openOf(3)]).toEqual([]);
  });

  it('keeps the newest whatever comes later, and skips what it cannot read', async () => {
    const resources = await fakeResources();
    const endpoints = await EndpointDirectory.open(resources);
    await resources.log.publish([
      recordOf({ ...OPEN, state: 'closed', at: 160 }),
      recordOf(OPEN),
      recordOf({ endpoint: 'b' }),
    ]);
    expect([...endpoints.openOf(3)]).toEqual([]);
    expect(resources.lines.filter((line) => line.includes('record skipped'))).toHaveLength(1);
  });
});
