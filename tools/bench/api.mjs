// The product's management API, as far as the bench needs it.
export const USER = 'bench';
export const PASSWORD = 'as-quick-as-it-goes';
export const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const AT_ONCE = 16;

/** A webhook of the account for all events that the load sends, unless `fields` say otherwise. Answers with its `{ id }`. */
export function createWebhook(url, account, fields) {
  const body = { profile: 'standard', resource: 'OutboundCall', events: ['Finished'], ...fields };
  return post(`${url}/v2/webhooks`, account, body);
}

/** Holds what is for a webhook. */
export function pauseWebhook(url, account, webhookId) {
  return post(`${url}/v2/platform/pause`, account, { webhookId });
}

/** Many, some at a time: `wanted` is `[account, fields]` for each. */
export async function createWebhooks(url, wanted) {
  let next = 0;
  const work = async () => {
    while (next < wanted.length) {
      const [account, fields] = wanted[next++];
      await createWebhook(url, account, fields);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function post(url, account, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: AUTHORIZATION,
      'content-type': 'application/json',
      'switchhook-account': String(account),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The value of a metric of the service at `url`; the sum of all its series. NaN when there is none. */
export async function metric(url, name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (values.length === 0) return NaN;
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
