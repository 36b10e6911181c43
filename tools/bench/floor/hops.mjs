// What every hop of the floor does to a record, for both engines. A record is `{ key, headers, value }`, headers plain strings.
import { createHmac, createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { ENDPOINTS, accounts } from '../load/events.mjs';

const CONNECTIONS_PER_ENDPOINT = 64;
const ANSWER_WITHIN_MS = 10_000;

const key = createSecretKey(randomBytes(32));
const indexOfAccount = new Map(accounts.map((account, index) => [String(account), index]));

/** The event as one delivery to the webhook of its account. */
export function requestedOf({ headers, value }) {
  const webhook = indexOfAccount.get(headers.ce_accountid) ?? 0;
  const ids = { delivery: randomUUID(), webhook: String(webhook), run: '1', number: '1' };
  return { key: ids.webhook, headers: { ...headers, ...ids }, value };
}

/** The request as it will be sent: CloudEvents JSON, signed as Standard Webhooks says. */
export function signedOf({ key: webhook, headers, value }) {
  const { ce_id, ce_source, ce_type, ce_subject, ce_accountid } = headers;
  const envelope = JSON.stringify({
    specversion: '1.0',
    id: ce_id,
    source: ce_source,
    type: ce_type,
    subject: ce_subject,
    time: new Date().toISOString(),
    accountid: ce_accountid,
    datacontenttype: 'application/json',
  });
  const body = Buffer.concat([Buffer.from(`${envelope.slice(0, -1)},"data":`), value, CLOSE]);
  const seconds = String(Math.floor(Date.now() / 1000));
  const mac = createHmac('sha256', key).update(`${headers.delivery}.${seconds}.`).update(body).digest('base64');
  const { delivery, run, number } = headers;
  return { key: webhook, headers: { delivery, webhook, run, number, seconds, signature: `v1,${mac}` }, value: body };
}
const CLOSE = Buffer.from('}');

/** `post(signed)` calls the endpoint and resolves with the outcome. */
export function createPost(endpoints) {
  if (endpoints.length !== ENDPOINTS) throw new Error(`The floor needs ${ENDPOINTS} endpoints`);
  const dispatcher = new Agent({
    connections: CONNECTIONS_PER_ENDPOINT,
    pipelining: 1,
    allowH2: false,
    headersTimeout: ANSWER_WITHIN_MS,
  });
  return async ({ key: webhook, headers, value }) => {
    const startedAt = Date.now();
    const { statusCode, body } = await request(endpoints[Number(webhook)], {
      method: 'POST',
      dispatcher,
      headers: {
        'content-type': 'application/json',
        'webhook-id': headers.delivery,
        'webhook-timestamp': headers.seconds,
        'webhook-signature': headers.signature,
      },
      body: value,
    });
    await body.dump();
    const { delivery, run, number } = headers;
    const outcome = JSON.stringify({ type: 'succeeded', statusCode, startedAt, tookMs: Date.now() - startedAt });
    return { key: webhook, headers: { delivery, webhook, run, number }, value: Buffer.from(outcome) };
  };
}
