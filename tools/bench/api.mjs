// The product's management API, as far as the bench needs it.
export const USER = 'bench';
export const PASSWORD = 'as-quick-as-it-goes';
export const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const AT_ONCE = 16;

/** A webhook of the account for all events that the load sends, unless `fields` say otherwise. */
export async function createWebhook(url, account, fields) {
  const response = await fetch(`${url}/v2/webhooks`, {
    method: 'POST',
    headers: {
      authorization: AUTHORIZATION,
      'content-type': 'application/json',
      'switchhook-account': String(account),
    },
    body: JSON.stringify({ profile: 'standard', resource: 'OutboundCall', events: ['Finished'], ...fields }),
  });
  if (response.status !== 201) throw new Error(`webhook: ${response.status} ${await response.text()}`);
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

/** The value of a metric of the service at `url`; the sum of all its series. NaN when there is none. */
export async function metric(url, name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (values.length === 0) return NaN;
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
