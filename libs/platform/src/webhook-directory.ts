import {
  PauseEventSchema,
  TOPICS,
  WebhookEventSchema,
  isPauseKey,
  type Webhook,
  type WebhookEvent,
} from '@switchhook/contracts';
import { followDirectory, type DirectoryDeps, type DirectoryFollower } from './directory-follower.js';
import { PauseIndex, type Pauses } from './pauses.js';

/** Every webhook in its newest version, and what is paused, as `webhooks.v1` tells it. Deleted ones stay: "deleted" is an answer, absence is none. */
export interface WebhookDirectory {
  /** Webhooks of the account that name the event type, whatever their status; the same array until one of them changes. */
  webhooksFor(accountId: number, eventType: string): readonly Webhook[];
  get(webhookId: number): Webhook | undefined;
  /** Whether `version` of the webhook, or a newer one, is known. */
  has(webhookId: number, version: number): boolean;
  /** Whether any webhook, deleted ones included, belongs to the account. */
  hasAccount(accountId: number): boolean;
  all(): Iterable<Webhook>;
  /** Calls `listener` with each event that moved a webhook on, in order; answers with the function that ends it. */
  onChange(listener: (event: WebhookEvent) => void): () => void;
  /** Whose deliveries are held: told on the same topic. */
  readonly pauses: Pauses;
  readonly whenCaughtUp: Promise<void>;
  caughtUp(): boolean;
  /** Resolves when the ends that the topic has now are reached: what is not there then, is not there. */
  reachEnd(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the directory: follows `webhooks.v1` from its beginning. */
export async function openWebhookDirectory(deps: DirectoryDeps): Promise<WebhookDirectory> {
  const index = new WebhookIndex();
  const pauses = new PauseIndex(
    () => index.all(),
    (error) => deps.logger.error({ err: error }, 'a listener of pauses failed'),
  );
  const listeners = new Set<(event: WebhookEvent) => void>();
  const follower = await followDirectory(deps, TOPICS.webhooks.name, (record) => {
    // A tombstone says nothing.
    if (record.value === null) return;
    const content: unknown = JSON.parse(record.value.toString('utf8'));
    if (isPauseKey(record.key)) return pauses.put(PauseEventSchema.parse(content));
    const event = WebhookEventSchema.parse(content);
    const before = index.get(event.webhook.id);
    if (!index.put(event.webhook)) return;
    pauses.webhookChanged(before, event.webhook);
    for (const listener of listeners) tell(listener, event, deps);
  });
  return { ...directoryOf(index, listeners, follower), pauses };
}

function directoryOf(
  index: WebhookIndex,
  listeners: Set<(event: WebhookEvent) => void>,
  follower: DirectoryFollower,
): Omit<WebhookDirectory, 'pauses'> {
  return {
    webhooksFor: (accountId, eventType) => index.webhooksFor(accountId, eventType),
    get: (webhookId) => index.get(webhookId),
    has: (webhookId, version) => (index.get(webhookId)?.version ?? 0) >= version,
    hasAccount: (accountId) => index.hasAccount(accountId),
    all: () => index.all(),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ...follower,
  };
}

/** A listener's fault is its own: the directory goes on. */
function tell(listener: (event: WebhookEvent) => void, event: WebhookEvent, { logger }: DirectoryDeps): void {
  try {
    listener(event);
  } catch (error) {
    logger.error({ err: error, webhookId: event.webhook.id }, 'a listener of the webhook directory failed');
  }
}

const NONE: readonly Webhook[] = [];

/** The webhooks of one account and event type; the list is made when it is asked for, so that filling stays linear. */
interface Receivers {
  readonly byId: Map<number, Webhook>;
  list: readonly Webhook[] | undefined;
}

/** Webhooks by id, and by account and event type: what ingestion asks for each event costs two look-ups and no allocation. */
class WebhookIndex {
  readonly #byId = new Map<number, Webhook>();
  readonly #byAccount = new Map<number, Map<string, Receivers>>();

  /** Takes the webhook unless a version as new is there; answers whether it was taken. */
  put(webhook: Webhook): boolean {
    const known = this.#byId.get(webhook.id);
    if (known && known.version >= webhook.version) return false;
    if (known) this.#unlist(known);
    this.#byId.set(webhook.id, webhook);
    this.#list(webhook);
    return true;
  }

  webhooksFor(accountId: number, eventType: string): readonly Webhook[] {
    const receivers = this.#byAccount.get(accountId)?.get(eventType);
    if (!receivers) return NONE;
    receivers.list ??= [...receivers.byId.values()].sort((a, b) => a.id - b.id);
    return receivers.list;
  }

  get(webhookId: number): Webhook | undefined {
    return this.#byId.get(webhookId);
  }

  hasAccount(accountId: number): boolean {
    return this.#byAccount.has(accountId);
  }

  all(): Iterable<Webhook> {
    return this.#byId.values();
  }

  #list(webhook: Webhook): void {
    const byType = this.#byAccount.get(webhook.accountId) ?? new Map<string, Receivers>();
    this.#byAccount.set(webhook.accountId, byType);
    // A deleted webhook matches nothing again: its account stays, its place in the lists does not.
    if (webhook.status === 'deleted') return;
    for (const type of eventTypesOf(webhook)) {
      const receivers = byType.get(type) ?? { byId: new Map<number, Webhook>(), list: undefined };
      byType.set(type, receivers);
      receivers.byId.set(webhook.id, webhook);
      receivers.list = undefined;
    }
  }

  #unlist(webhook: Webhook): void {
    const byType = this.#byAccount.get(webhook.accountId);
    for (const type of eventTypesOf(webhook)) {
      const receivers = byType?.get(type);
      receivers?.byId.delete(webhook.id);
      if (receivers) receivers.list = undefined;
    }
  }
}

const eventTypesOf = (webhook: Webhook): Set<string> =>
  new Set(webhook.events.map((event) => `${webhook.resource}.${event}`));
