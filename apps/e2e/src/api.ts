/** The product's HTTP API as a customer's program would call it: no code of ours behind it. */
export interface Api {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

export interface ApiAnswer<Body = unknown> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface ApiRequest {
  readonly method?: string;
  /** Acts for this account (`Switchhook-Account`). */
  readonly account?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is bytes. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

/** One request. Rejects when there is no answer (connection refused, cut, or too late). */
export async function request<Body>(api: Api, path: string, options: ApiRequest = {}): Promise<ApiAnswer<Body>> {
  const { method = 'GET', account, headers = {}, body, timeoutMs = 15_000 } = options;
  const isBytes = Buffer.isBuffer(body);
  const response = await fetch(api.url + path, {
    method,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      authorization: `Basic ${Buffer.from(`${api.username}:${api.password}`).toString('base64')}`,
      ...(account === undefined ? {} : { 'switchhook-account': String(account) }),
      ...(body === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text ? parse(text) : undefined) as Body };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Creates a webhook and answers with its id and secret. Throws with the answer when it is not a 201. */
export async function createWebhook(
  api: Api,
  webhook: Readonly<Record<string, unknown>>,
  account?: number,
): Promise<{ id: number; secret?: string }> {
  const answer = await request<{ id: number; secret?: string }>(api, '/v2/webhooks', {
    method: 'POST',
    body: webhook,
    ...(account === undefined ? {} : { account }),
  });
  if (answer.status !== 201) throw new Error(`create webhook: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export interface DeliveryItem {
  readonly id: string;
  readonly eventId: string;
  readonly webhookId: number;
  readonly status: string;
  readonly attemptCount: number;
}

/** All deliveries of an account, page by page. */
export async function allDeliveries(api: Api, account: number): Promise<DeliveryItem[]> {
  const items: DeliveryItem[] = [];
  let cursor: string | null = null;
  do {
    const page: ApiAnswer<{ items: DeliveryItem[]; nextCursor: string | null }> = await request(
      api,
      `/v2/deliveries?limit=500${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      { account },
    );
    if (page.status !== 200) throw new Error(`deliveries: ${page.status} ${JSON.stringify(page.body)}`);
    items.push(...page.body.items);
    cursor = page.body.nextCursor;
  } while (cursor !== null && cursor !== undefined);
  return items;
}
