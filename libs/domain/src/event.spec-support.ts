import type { TelephonyEvent, Webhook } from '@switchhook/contracts';

/** The resource of CallFire's sample of a finished outbound call (telephony.md §1.3). */
export const OUTBOUND_CALL =
  '{"id":1024990109003,"fromNumber":"12132212384","toNumber":"12132041238","state":"FINISHED","campaignId":13194908003,"batchId":11305143003,"contact":{"id":537189974003,"firstName":"testFirstName","lastName":"testLastName","zipcode":"90025","homePhone":"12132041238","workPhone":"12132041238"},"inbound":false,"created":1469565220000,"modified":1469565232000,"labels":["Test Label 1","Test Label 2"],"finalCallResult":"AM","records":[{"id":571797202003,"billedAmount":1,"finishTime":1469565233000,"result":"AM","originateTime":1469565225000,"answerTime":1469565227000,"duration":6}],"agentCall":false}';

export const anEvent = (changes: Partial<TelephonyEvent> = {}): TelephonyEvent => ({
  accountId: 7,
  id: 'call-1',
  source: '/switch/7',
  type: 'OutboundCall.Finished',
  subject: 'call:1',
  time: '2016-07-26T13:47:10.377Z',
  dataContentType: 'application/json',
  extensions: {},
  data: Buffer.from(OUTBOUND_CALL),
  ...changes,
});

export const aWebhook = (changes: Partial<Webhook> = {}): Webhook => ({
  id: 3749003,
  accountId: 7,
  version: 1,
  callVersion: 1,
  status: 'enabled',
  profile: 'callfire-v2',
  name: 'Test Webhook',
  resource: 'OutboundCall',
  events: ['Finished'],
  callback: 'https://example.com/hook',
  nonStrictSsl: false,
  singleUse: false,
  createdAt: 1_000,
  updatedAt: 1_000,
  ...changes,
});
