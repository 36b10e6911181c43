import { TERMINAL_OUTCOMES, TOPICS, type TelephonyEvent, type Webhook } from '@switchhook/contracts';
import {
  NOTICE_EVERY_MS,
  addNotice,
  ageWaiting,
  followFailing,
  mayBeSaid,
  noticeEvent,
  oldestWaitingAt,
  retryPolicyOf,
  waitChange,
  type Disabling,
} from '@switchhook/domain';
import type { EventLog } from '@switchhook/event-log';
import type { WebhookDirectory } from '@switchhook/platform';
import type { HealthStore, WebhookHealth } from './health-store.js';
import type { OutcomeOfWebhook } from './outcome-of-webhook.js';
import { readTrouble, type Trouble } from './trouble.js';

export interface WebhookHealthDeps {
  readonly log: Pick<EventLog, 'identity'>;
  readonly store: HealthStore;
  readonly directory: Pick<WebhookDirectory, 'get'>;
  /** Disables the webhook, unless it has changed meanwhile; whether it was this cause that did, now or before. */
  readonly disable: (webhookId: number, disabling: Disabling) => Promise<boolean>;
  readonly now: () => number;
}

/** The outcomes of one batch, and the position after it. */
export interface OutcomesOfPartition {
  readonly partition: number;
  readonly end: number;
  readonly outcomes: readonly OutcomeOfWebhook[];
}

interface Owned {
  /** What the database has. */
  stored: number | null;
  storedAt: number;
  /** What we have followed: ahead of `stored` while nothing had to be written. */
  seen: number;
  readonly webhooks: Map<number, WebhookHealth>;
}

/** What one step changes; null: healthy, with nothing to say. */
type Changes = Map<number, WebhookHealth | null>;

/** How late the stored position may be where nothing has changed: bounds what is followed again after a crash. */
const STORE_EVERY_MS = 5_000;
const HEALTHY: WebhookHealth = { failing: null };
const KINDS = ['Disabled', 'Exhausted'] as const;

/**
 * Follows how webhooks fare: disables the ones that are gone or have failed for too long, and says so (ADR 0026). A healthy
 * webhook costs a look into a map, and no write. What a step leads to is stored with the position in one transaction, so that
 * nothing is followed twice, whatever is killed or rewound.
 */
export class HealthProjection {
  private readonly owned = new Map<number, Owned>();
  private readonly turns = new Map<number, Promise<void>>();

  constructor(private readonly deps: WebhookHealthDeps) {}

  /** Whatever is remembered of the partition is from an earlier time: somebody else may have had it since. */
  async assign(partition: number): Promise<void> {
    await this.inTurn(partition, async () => void this.owned.delete(partition));
  }

  /** Follows a batch. A rejection means that nothing was stored: the same batch may come again. */
  follow({ partition, end, outcomes }: OutcomesOfPartition): Promise<void> {
    return this.inTurn(partition, async () => {
      const owned = this.owned.get(partition) ?? (await this.load(partition));
      const changes: Changes = new Map();
      for (const outcome of outcomes) {
        if (outcome.record.position >= owned.seen) await this.note(owned, changes, outcome);
      }
      const events = this.say(owned, changes, [...changes.keys()]);
      const to = Math.max(owned.seen, end);
      if (changes.size > 0) await this.store(partition, owned, to, changes, events);
      owned.seen = to;
    });
  }

  /** Says what has become due, forgets who is healthy again, and stores how far we are. To be called every second. */
  async keepUp(): Promise<void> {
    for (const partition of this.owned.keys()) {
      await this.inTurn(partition, async () => {
        const owned = this.owned.get(partition);
        if (owned) await this.keepUpOne(partition, owned);
      });
    }
  }

  async revoke(partition: number): Promise<void> {
    await this.inTurn(partition, async () => {
      const owned = this.owned.get(partition);
      this.owned.delete(partition);
      if (owned && owned.seen > (owned.stored ?? 0)) await this.store(partition, owned, owned.seen, new Map(), []);
    });
  }

  private async keepUpOne(partition: number, owned: Owned): Promise<void> {
    const nowMs = this.deps.now();
    const changes: Changes = new Map();
    const events = this.say(owned, changes, owned.webhooks.keys());
    for (const [webhookId, health] of owned.webhooks) {
      const webhook = this.deps.directory.get(webhookId);
      if (!changes.has(webhookId) && isQuiet(health, nowMs, webhook)) changes.set(webhookId, null);
    }
    const isLate = owned.seen > (owned.stored ?? 0) && nowMs - owned.storedAt >= STORE_EVERY_MS;
    if (changes.size > 0 || isLate) await this.store(partition, owned, owned.seen, changes, events);
  }

  private async note(owned: Owned, changes: Changes, outcome: OutcomeOfWebhook): Promise<void> {
    const { webhookId } = outcome.ids;
    const before = healthOf(owned, changes, webhookId) ?? HEALTHY;
    const webhook = this.deps.directory.get(webhookId);
    if (!webhook) return;
    const aged = this.age(before, outcome, webhook);
    const next = outcome.name === 'succeeded' ? recovered(aged) : await this.inTrouble(aged, outcome, webhook);
    if (next !== before) changes.set(webhookId, next);
  }

  /** Follows since when deliveries wait. */
  private age(health: WebhookHealth, { name, ids }: OutcomeOfWebhook, webhook: Webhook): WebhookHealth {
    const change = waitChange(TERMINAL_OUTCOMES.has(name), ids);
    if (change === 'none' || change === 'goes on') return health;
    const { maxAgeMs } = retryPolicyOf(webhook);
    const times = { acceptedAt: ids.acceptedAt, nowMs: this.deps.now(), maxAgeMs };
    const { waiting: before = [], ...rest } = health;
    const waiting = ageWaiting(before, change, times);
    if (waiting.length > 0) return { ...rest, waiting };
    return before.length > 0 ? rest : health;
  }

  private async inTrouble(before: WebhookHealth, outcome: OutcomeOfWebhook, webhook: Webhook): Promise<WebhookHealth> {
    const trouble = readTrouble(outcome, webhook);
    if (!trouble) return before;
    const health = await this.fail(webhook, before, trouble);
    const exhausted = trouble.exhausted && addNotice(health.Exhausted, trouble.exhausted.id, trouble.exhausted.data);
    return exhausted ? { ...health, Exhausted: exhausted } : health;
  }

  /** Follows a failed call, and disables the webhook where it must be. */
  private async fail(webhook: Webhook, health: WebhookHealth, trouble: Trouble): Promise<WebhookHealth> {
    const { call, isSilent } = trouble;
    if (!call) return health;
    const { failing, disabling } = followFailing(health.failing, call, webhook);
    const next = failing === health.failing ? health : { ...health, failing };
    if (!disabling || !(await this.deps.disable(webhook.id, disabling)) || isSilent()) return next;
    const { reason, cause, since } = disabling;
    const data = { reason, disabledAt: call.at, deliveryId: trouble.deliveryId, count: 1 };
    const told = reason === 'failing' ? { ...data, failingSince: since } : data;
    return { ...next, Disabled: addNotice(next.Disabled, `disabled:${webhook.id}:${cause}`, told) };
  }

  /** The events that may be said now; what they tell is taken out of what waits. */
  private say(owned: Owned, changes: Changes, webhookIds: Iterable<number>): TelephonyEvent[] {
    const nowMs = this.deps.now();
    const events: TelephonyEvent[] = [];
    for (const webhookId of webhookIds) {
      const webhook = this.deps.directory.get(webhookId);
      for (const kind of webhook ? KINDS : []) {
        const health = healthOf(owned, changes, webhookId);
        const notice = health?.[kind];
        if (!webhook || !health || !notice?.data || !notice.id || !mayBeSaid(notice, nowMs)) continue;
        events.push(noticeEvent(webhook, kind, { id: notice.id, data: notice.data }));
        changes.set(webhookId, { ...health, [kind]: { saidAt: nowMs } });
      }
    }
    return events;
  }

  private async load(partition: number): Promise<Owned> {
    const { position, webhooks } = await this.deps.store.load(this.placeOf(partition));
    const owned: Owned = { stored: position, storedAt: this.deps.now(), seen: position ?? 0, webhooks };
    this.owned.set(partition, owned);
    return owned;
  }

  private async store(
    partition: number,
    owned: Owned,
    to: number,
    changes: Changes,
    events: readonly TelephonyEvent[],
  ): Promise<void> {
    const place = this.placeOf(partition);
    if (!(await this.deps.store.apply(place, owned.stored, to, { webhooks: changes, events }))) {
      throw new Error(`the outcomes of partition ${partition} were followed by another instance meanwhile`);
    }
    owned.stored = to;
    owned.storedAt = this.deps.now();
    for (const [webhookId, health] of changes) {
      if (health) owned.webhooks.set(webhookId, health);
      else owned.webhooks.delete(webhookId);
    }
  }

  private placeOf(partition: number) {
    return { identity: this.deps.log.identity, topic: TOPICS.outcomes.name, partition };
  }

  /** One step at a time in a partition. After a step that failed, what the database has is read again. */
  private inTurn(partition: number, step: () => Promise<void>): Promise<void> {
    const before = this.turns.get(partition) ?? Promise.resolve();
    const turn = before.then(step).catch((error: unknown) => {
      this.owned.delete(partition);
      throw error;
    });
    this.turns.set(
      partition,
      turn.catch(() => undefined),
    );
    return turn;
  }
}

const healthOf = (owned: Owned, changes: Changes, webhookId: number): WebhookHealth | undefined =>
  (changes.has(webhookId) ? changes.get(webhookId) : owned.webhooks.get(webhookId)) ?? undefined;

const recovered = (health: WebhookHealth): WebhookHealth => (health.failing ? { ...health, failing: null } : health);

/** Nothing to remember: not failing and no delivery waits (or deleted), nothing is to be said, and nothing was said within the minute. */
function isQuiet(health: WebhookHealth, nowMs: number, webhook: Webhook | undefined): boolean {
  const { failing, waiting = [] } = health;
  const isGone = webhook?.status === 'deleted';
  if (failing && !isGone) return false;
  if (webhook && !isGone && oldestWaitingAt(waiting, { nowMs, ...retryPolicyOf(webhook) }) !== undefined) return false;
  return KINDS.every((kind) => {
    const notice = health[kind];
    return !notice || (notice.data === undefined && nowMs - (notice.saidAt ?? 0) >= NOTICE_EVERY_MS);
  });
}
