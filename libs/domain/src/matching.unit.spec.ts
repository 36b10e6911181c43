import { expect, it } from 'vitest';
import { aWebhook } from './event.spec-support.js';
import { matches } from './matching.js';

const event = { accountId: 7, type: 'CallBroadcast.Stopped' };
const webhook = aWebhook({ resource: 'CallBroadcast', events: ['Started', 'Stopped'] });

it.each([
  ['a webhook of the account for the resource and the event', {}, {}, true],
  ['another account', {}, { accountId: 8 }, false],
  ['an event that it did not ask for', {}, { type: 'CallBroadcast.Finished' }, false],
  ['the same event of another resource', {}, { type: 'TextBroadcast.Stopped' }, false],
  [
    'a resource whose name goes on',
    { resource: 'OutboundText' },
    { type: 'OutboundTextDeliveryReport.Stopped' },
    false,
  ],
  ['a type with another sign than the dot', {}, { type: 'CallBroadcast:Stopped' }, false],
  ['a type without a dot', {}, { type: 'CallBroadcastStopped' }, false],
  ['a disabled webhook, whose delivery will say so', { status: 'disabled' }, {}, true],
  ['a spent webhook', { status: 'spent' }, {}, false],
  ['an expired webhook', { status: 'expired' }, {}, false],
  ['a deleted webhook', { status: 'deleted' }, {}, false],
  ['a webhook that expires later', { expiresAt: 501 }, {}, true],
  ['a webhook that expires at the moment of acceptance', { expiresAt: 500 }, {}, false],
] as const)('%s', (_name, webhookChanges, eventChanges, expected) => {
  expect(matches({ ...webhook, ...webhookChanges }, { ...event, ...eventChanges }, 500)).toBe(expected);
});
