import { randomUUID } from 'node:crypto';
import type { RunningService } from '@switchhook/platform';
import { openSampleReceiver } from './sample-receiver.js';

/** Nobody's account: what is in it is ours. */
const SAMPLE_ACCOUNT = 0;
const PATIENCE_MS = 20_000;

/**
 * Sends one event through the whole product, by the way that everybody takes: a webhook and an event over HTTP, a receiver
 * that checks the signature. The receiver is on loopback, which this process grants to its one callback. The webhook is
 * deleted afterwards. Throws when the event does not arrive in time or its signature is wrong.
 */
export async function deliverSampleEvent({ url, env, resources }: RunningService): Promise<void> {
  const call = apiCaller(url, env);
  const receiver = await openSampleReceiver();
  resources.loopbackGrants.grant(SAMPLE_ACCOUNT, receiver.url);
  try {
    const webhook = await call('POST', '/v2/webhooks', {
      name: 'Sample',
      profile: 'standard',
      resource: 'InboundText',
      events: ['Finished'],
      callback: receiver.url,
    });
    const { id, secret } = webhook as { id: number; secret: string };
    try {
      const delivered = receiver.nextVerified(secret, AbortSignal.timeout(PATIENCE_MS));
      await call('POST', '/v2/events', sampleEvent(resources.clock()), 'application/cloudevents+json');
      await delivered;
    } finally {
      await call('DELETE', `/v2/webhooks/${id}`);
    }
  } finally {
    resources.loopbackGrants.revoke(SAMPLE_ACCOUNT, receiver.url);
    await receiver.close();
  }
}

/** The numbers are of the block that is reserved for fiction (NANPA: 555-0100 … 555-0199). */
const sampleEvent = (nowMs: number) => ({
  specversion: '1.0',
  id: randomUUID(),
  source: 'switchhook/sample',
  type: 'InboundText.Finished',
  subject: 'sample',
  time: new Date(nowMs).toISOString(),
  datacontenttype: 'application/json',
  data: { id: 1, fromNumber: '12135550100', toNumber: '12135550101', state: 'FINISHED', message: 'Hello, Switchhook' },
});

type ApiCaller = (method: string, path: string, body?: object, contentType?: string) => Promise<unknown>;

function apiCaller(url: string, env: NodeJS.ProcessEnv): ApiCaller {
  const pair = `${env['SWITCHHOOK_ADMIN_USER']}:${env['SWITCHHOOK_ADMIN_PASSWORD']}`;
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  return async (method, path, body, contentType = 'application/json') => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization,
        'switchhook-account': String(SAMPLE_ACCOUNT),
        ...(body && { 'content-type': contentType }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
}
