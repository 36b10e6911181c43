import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { OUTBOUND_CALL, aWebhook, anEvent } from '../event.spec-support.js';
import { profileOf } from './profile-of.js';

const DELIVERY_ID = '0b6f3a1e-5f0e-5a0f-9d0c-8f1f2f3f4f5f';
const callfire = profileOf('callfire-v2');
const standard = profileOf('standard');

describe('callfire-v2', () => {
  const render = (event = anEvent(), webhook = aWebhook()) =>
    callfire.render({ event, webhook, deliveryId: DELIVERY_ID }).toString();

  it("is CallFire's own sample of a finished call, to the byte", () => {
    expect(render()).toBe(
      `{"timestamp":1469540830377,"webhookId":3749003,"webhookName":"Test Webhook","resourceType":"OutboundCall","events":[{"timestamp":1469540830377,"webhookId":3749003,"resourceType":"OutboundCall","eventType":"Finished","resource":${OUTBOUND_CALL}}]}`,
    );
  });

  it("is CallFire's own sample of a delivery report, whose id is beyond 2^53", () => {
    const resource =
      '{"id":7420017300281076000,"actionId":123123123123,"campaignId":123456789,"toNumber":"12135551234","fromNumber":"12138888888","timestamp":1502221022571,"deliveryState":"DELIVERED","deliveryCategory":"DELIVERED"}';
    const event = anEvent({
      type: 'OutboundTextDeliveryReport.Received',
      time: '2017-08-08T19:37:02.807Z',
      data: Buffer.from(resource),
    });
    expect(
      render(
        event,
        aWebhook({ id: 1, name: 'ASA DLR Test', resource: 'OutboundTextDeliveryReport', events: ['Received'] }),
      ),
    ).toBe(
      `{"timestamp":1502221022807,"webhookId":1,"webhookName":"ASA DLR Test","resourceType":"OutboundTextDeliveryReport","events":[{"timestamp":1502221022807,"webhookId":1,"resourceType":"OutboundTextDeliveryReport","eventType":"Received","resource":${resource}}]}`,
    );
  });

  it("is CallFire's own sample of a validated contact list", () => {
    const resource =
      '{"id":10,"name":"API Contact List 2017-06-06 07:11:24","size":2,"created":1496758285000,"status":"ACTIVE"}';
    const event = anEvent({
      type: 'ContactList.ValidationFinished',
      time: '2017-06-06T14:11:41.032Z',
      data: Buffer.from(resource),
    });
    expect(render(event, aWebhook({ id: 3745004, name: 'testContactListValidationFinish' }))).toBe(
      `{"timestamp":1496758301032,"webhookId":3745004,"webhookName":"testContactListValidationFinish","resourceType":"ContactList","events":[{"timestamp":1496758301032,"webhookId":3745004,"resourceType":"ContactList","eventType":"ValidationFinished","resource":${resource}}]}`,
    );
  });

  it('has no webhookName where the webhook has no name', () => {
    expect(render(anEvent(), aWebhook({ name: undefined }))).not.toContain('webhookName');
  });

  it('applies fields to the whole payload', () => {
    const webhook = aWebhook({ fields: 'webhookId,events(eventType,resource(id,contact(zipcode)))' });
    expect(render(anEvent(), webhook)).toBe(
      '{"webhookId":3749003,"events":[{"eventType":"Finished","resource":{"id":1024990109003,"contact":{"zipcode":"90025"}}}]}',
    );
  });

  it('signs only where there is a secret, with the current key', () => {
    const body = Buffer.from('{"name":"test webhook", "callback":"sms:callfire"}');
    const call = { body, webhook: aWebhook(), deliveryId: DELIVERY_ID, nowMs: 0 };
    const [current, previous] = ['mysecrets', 'another'].map((secret) => createSecretKey(callfire.secretToKey(secret)));
    expect(callfire.sign({ ...call, keys: [] })).toStrictEqual({ 'content-type': 'application/json' });
    expect(callfire.sign({ ...call, keys: [current!, previous!] })).toStrictEqual({
      'content-type': 'application/json',
      'X-CallFire-Signature': 'v14pF7d5C1+CHNIEWlg+sw9v0Xg=',
    });
  });
});

describe('standard', () => {
  const render = (event = anEvent(), webhook = aWebhook({ profile: 'standard' })) =>
    standard.render({ event, webhook, deliveryId: DELIVERY_ID }).toString();

  it('is the event as CloudEvents JSON with its members in the promised order, the data byte for byte', () => {
    const event = anEvent({
      data: Buffer.from('{"id": 7420017300281076000}'),
      extensions: { region: 'eu "west"', z: '1' },
    });
    expect(render(event)).toBe(
      '{"specversion":"1.0","id":"call-1","source":"/switch/7","type":"OutboundCall.Finished","subject":"call:1","time":"2016-07-26T13:47:10.377Z","accountid":"7","datacontenttype":"application/json","data":{"id": 7420017300281076000},"region":"eu \\"west\\"","z":"1"}',
    );
  });

  it('leaves out the subject of an event that has none', () => {
    expect(render(anEvent({ subject: undefined }))).toMatch(/"type":"OutboundCall.Finished","time":/);
  });

  it('selects members by fields', () => {
    expect(render(anEvent(), aWebhook({ fields: 'id,data(id,labels)' }))).toBe(
      '{"id":"call-1","data":{"id":1024990109003,"labels":["Test Label 1","Test Label 2"]}}',
    );
  });

  it('is accepted by the Standard Webhooks verifier, under the delivery as its id', () => {
    const nowMs = Date.now();
    const secret = standard.keyToSecret(Buffer.alloc(standard.rules.generatedSecretBytes, 7));
    const body = Buffer.from(render());
    const keys = [createSecretKey(standard.secretToKey(secret))];
    const headers = standard.sign({ body, webhook: aWebhook(), deliveryId: DELIVERY_ID, keys, nowMs });
    expect(headers).toMatchObject({
      'webhook-id': DELIVERY_ID,
      'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
    });
    expect(new StandardWebhook(secret).verify(body.toString(), headers)).toMatchObject({ id: 'call-1' });
  });
});

describe.each([callfire, standard])('every profile: $name', (profile) => {
  it('renders one body for one event and webhook version, however often', () => {
    const input = { event: anEvent(), webhook: aWebhook(), deliveryId: DELIVERY_ID };
    expect(profile.render(input).equals(profile.render(input))).toBe(true);
  });

  it('renders JSON that holds the data, whatever names and attributes contain', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, fc.json(), (name, source, data) => {
        const event = anEvent({ source, data: Buffer.from(data) });
        const body = profile.render({ event, webhook: aWebhook({ name }), deliveryId: DELIVERY_ID }).toString();
        expect(body).toContain(data);
        expect(() => JSON.parse(body)).not.toThrow();
      }),
    );
  });

  it('takes 2xx as received and nothing else', () => {
    expect([199, 200, 204, 299, 300, 301, 404, 500].filter((code) => profile.accepts(code))).toStrictEqual([
      200, 204, 299,
    ]);
  });

  it('waits 5 s, 1 m, 5 m, 30 m, 2 h, 5 h, 10 h and 14 h, and gives up 24 h after their sum', () => {
    const { delaysMs, maxAgeMs, timeoutMs } = profile.rules;
    expect(delaysMs.map((ms) => ms / 1_000)).toStrictEqual([5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400]);
    expect(maxAgeMs).toBe((5 + 60 + 300 + 1_800 + 7_200 + 18_000 + 36_000 + 50_400 + 86_400) * 1_000);
    expect(timeoutMs).toBe(15_000);
  });

  it.each([22, 25, 53, 110, 6667])('refuses port %i', (port) => {
    expect(profile.rules.portAllowed(port)).toBe(false);
  });

  it.each([80, 443, 8080, 3000, 49152])('allows port %i', (port) => {
    expect(profile.rules.portAllowed(port)).toBe(true);
  });
});
