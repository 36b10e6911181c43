import { createSecretKey } from 'node:crypto';
import { HEADER, type Outcome, type RecordHeaders, type Webhook, type AttemptIds } from '@switchhook/contracts';
import { attemptHeaders, attributesHeader, deliveryId, eventKey, profileOf, readAttemptIds } from '@switchhook/domain';
import type { LogRecord, OutgoingRecord } from '@switchhook/event-log';
import type { KeysOfWebhooks, SignCounters, Webhooks } from '../sign.js';
import type { Keys, UnreadableSecret } from '../signing-keys.js';

export const ACCEPTED_AT = 1_700_000_000_000;
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const SEALED = { keyId: 'signing-1', encapsulated: 'AA', ciphertext: 'BB' };

export const webhook = (id: number, change: Partial<Webhook> = {}): Webhook => ({
  id,
  accountId: 7,
  version: 3,
  callVersion: 2,
  status: 'enabled',
  profile: 'standard',
  resource: 'OutboundCall',
  events: ['Finished'],
  callback: `https://receiver.example/${id}`,
  secret: SEALED,
  nonStrictSsl: false,
  singleUse: false,
  createdAt: 0,
  updatedAt: 0,
  ...change,
});

export const DATA = Buffer.from('{ "id": 7420017300281076000 }');

/** The first attempt of an event for webhook `webhookId`, as ingestion requests it. */
export function requestAt(
  position: number,
  webhookId: number,
  headers: RecordHeaders = {},
  value: Buffer = DATA,
): LogRecord {
  const event = {
    accountId: 7,
    id: `event-${position}`,
    source: 'spec',
    type: 'OutboundCall.Finished',
    subject: 'call-1',
    time: '2026-01-02T03:04:05Z',
    dataContentType: 'application/json',
    extensions: {},
    data: value,
  };
  const key = eventKey(event.accountId, event.source, event.id);
  const ids = {
    accountId: 7,
    eventKey: key,
    deliveryId: deliveryId(key, webhookId),
    webhookId,
    webhookVersion: 3,
    run: 0,
    number: 1,
    deferrals: 0,
    acceptedAt: ACCEPTED_AT,
    origin: `0:${position}`,
  };
  return {
    topic: 'deliveries.requested.v1',
    partition: 0,
    position,
    appendedAtMs: ACCEPTED_AT + position,
    key: Buffer.from(String(webhookId)),
    value,
    headers: {
      ...attributesHeader(event),
      ...attemptHeaders(ids),
      [HEADER.kind]: 'request',
      [HEADER.schema]: '1',
      [HEADER.traceparent]: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      ...headers,
    },
  };
}

/** The same record, about another attempt. */
export const withIds = (record: LogRecord, change: Partial<Record<keyof AttemptIds, unknown>>): LogRecord => ({
  ...record,
  headers: { ...record.headers, ...attemptHeaders({ ...readAttemptIds(record.headers), ...change } as AttemptIds) },
});

/** The directory; what was `announced` is known when its end is reached. */
export class WebhooksInMemory implements Webhooks {
  endsAsked = 0;
  readonly announced: Webhook[] = [];
  readonly #byId = new Map<number, Webhook>();

  constructor(...known: Webhook[]) {
    for (const each of known) this.#byId.set(each.id, each);
  }

  has(webhookId: number, version: number): boolean {
    return (this.#byId.get(webhookId)?.version ?? 0) >= version;
  }

  get(webhookId: number): Webhook | undefined {
    return this.#byId.get(webhookId);
  }

  async reachEnd(): Promise<void> {
    this.endsAsked += 1;
    for (const each of this.announced.splice(0)) this.#byId.set(each.id, each);
  }
}

/** Keys of `SECRET` for every webhook; those in `slow` come later, those in `broken` never. */
export class OneSecret implements KeysOfWebhooks {
  constructor(
    private readonly slow: readonly number[] = [],
    private readonly broken: readonly number[] = [],
  ) {}

  keysOf(hook: Webhook): Keys | UnreadableSecret | Promise<Keys | UnreadableSecret> {
    if (this.broken.includes(hook.id)) return { unreadable: 'wrong key' };
    const keys = { keys: [createSecretKey(profileOf(hook.profile).secretToKey(SECRET))], keyIds: ['sk_1'] };
    return this.slow.includes(hook.id) ? new Promise((resolve) => setImmediate(() => resolve(keys))) : keys;
  }
}

export class CountersInMemory implements SignCounters {
  readonly refusals: string[] = [];
  refused = (refusal: string): void => void this.refusals.push(refusal);
  done = (): void => undefined;
}

/** The facts of an outcome record. */
export const outcomeOf = ({ value }: OutgoingRecord): Outcome => JSON.parse(value?.toString() ?? 'null') as Outcome;
