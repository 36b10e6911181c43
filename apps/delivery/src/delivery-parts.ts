import type { Outcome } from '@switchhook/contracts';
import type { EventLog, LogRecord } from '@switchhook/event-log';
import type { Pauses } from '@switchhook/platform';
import { attempt } from './attempt.js';
import { endpointCalled, type BreakerChange, type Breakers } from './breakers.js';
import { EndpointGossip } from './endpoint-gossip.js';
import { FinishedNames } from './finished-names.js';
import type { GateStore } from './gate-store.js';
import { Gates, makesCalls } from './gates.js';
import { InHand } from './in-hand.js';
import { Lanes } from './lanes.js';
import { Membership } from './membership.js';
import { parked } from './parked.js';
import type { PresentedCredentials } from './presented.js';
import { OutcomeWriter } from './record-outcome.js';
import { Releaser } from './release.js';
import type { Schedule } from './schedule.js';
import { ScheduleProjection } from './schedule-projection.js';
import type { SignedDelivery } from './signed-delivery.js';
import { SubjectOrder } from './subject-order.js';
import type { Webhooks } from './webhooks.js';

export interface DeliveryDeps {
  readonly log: EventLog;
  readonly stores: { readonly schedule: Schedule; readonly gates: GateStore };
  readonly webhooks: Webhooks;
  /** Whose deliveries are held. */
  readonly pauses: Pick<Pauses, 'of' | 'onChange'>;
  readonly presentedBy: PresentedCredentials['of'];
  readonly breakers: Breakers;
  /** How much an account counts beside others; by default all the same. */
  readonly weightOf?: (accountId: number) => number;
  readonly now: () => number;
  readonly random: () => number;
  readonly report: DeliveryReport;
}

/** What operators hear of it. */
export interface DeliveryReport {
  attempted(delivery: SignedDelivery, outcome: Outcome): void;
  breakerChanged(change: BreakerChange): void;
  /** Something was paused or resumed; `parked` records were taken out of lanes. */
  pausesChanged(parked: number): void;
  unreadable(record: LogRecord, reason: string): void;
  /** The database came back without what the outcomes from position `from` to before `to` had led to. */
  scheduleLost(partition: number, from: number, to: number): void;
  failed(what: string, error: unknown): void;
}

/** What has a life of its own in delivery. */
export interface DeliveryParts {
  readonly names: FinishedNames;
  readonly inHand: InHand;
  readonly membership: Membership;
  readonly order: SubjectOrder;
  readonly gates: Gates;
  readonly gossip: EndpointGossip;
  readonly writer: OutcomeWriter;
  readonly lanes: Lanes<SignedDelivery>;
  readonly releaser: Releaser;
  readonly projection: ScheduleProjection;
  /** No longer follows what is paused. */
  readonly endPauses: () => void;
}

const DEFAULT_CONCURRENCY = 16;

/** Makes the parts and wires them: signed record → lane → call → outcome → schedule → requested again when due. */
export function deliveryParts(deps: DeliveryDeps): DeliveryParts {
  const { log, webhooks, pauses, breakers, now, report } = deps;
  const { schedule } = deps.stores;
  const failed = (what: string) => (error: unknown) => report.failed(what, error);
  const names = new FinishedNames();
  const inHand = new InHand();
  const membership = new Membership(() => lanes.resume());
  const gates = new Gates({
    ...{ store: deps.stores.gates, breakers, webhooks, pauses, now, onError: failed('gates') },
    onNoBurst: (webhookId) => {
      const rate = webhooks.get(webhookId)?.rateLimit;
      if (rate) lanes.buckets.empty(webhookId, rate);
    },
  });
  const order = new SubjectOrder({
    ...{ schedule, webhooks, now },
    isWhole: (partition) => projection.isWhole(partition),
    onReady: (webhookId) => releaser.readyFor(webhookId),
  });
  const writer = new OutcomeWriter({
    log,
    names,
    inHand,
    onOutcome: (delivery, outcome) => order.acknowledged(delivery, outcome),
    onUnavailable: failed('outcome not acknowledged, trying again'),
    onAcknowledged: () => lanes.resume(),
  });
  const lanes = lanesOf(deps, { writer, gates, membership, onRoom: (webhookId) => releaser.roomFor(webhookId) });
  const releaser = new Releaser({
    ...{ log, schedule, webhooks, order, now, onError: failed('schedule') },
    room: (webhookId) => lanes.room(webhookId),
    refillAt: (webhookId) => lanes.refillAt(webhookId),
    onParked: ({ ids, partition }) => {
      const webhook = webhooks.get(ids.webhookId);
      if (webhook) gates.hold(webhook, partition);
    },
    isRowToCome: (webhookId) => projection.isHolding(webhookId),
    onDrained: (webhookId) => gates.drained(webhookId),
  });
  const projection = new ScheduleProjection({
    log,
    schedule,
    webhooks,
    names,
    onChanged: (partition, changes) => {
      order.changed(partition, changes);
      releaser.changed(partition, changes);
    },
    onUnreadable: report.unreadable,
    onLost: report.scheduleLost,
  });
  const onUnreadable = report.unreadable;
  const gossip = new EndpointGossip({ log, breakers, onUnreadable, onError: failed('endpoints not told') });
  const parts = { names, inHand, membership, order, gates, gossip, writer, lanes, releaser, projection };
  breakers.onChange((change) => followBreaker(deps, parts, change));
  return { ...parts, endPauses: pauses.onChange(() => followPauses(deps, parts)) };
}

function lanesOf(
  deps: DeliveryDeps,
  parts: Pick<DeliveryParts, 'writer' | 'gates' | 'membership'> & { onRoom: (webhookId: number) => void },
): Lanes<SignedDelivery> {
  const { webhooks, breakers, now, random, report } = deps;
  const { writer, gates, membership, onRoom } = parts;
  const makeAttempt = attempt({
    webhooks,
    presentedBy: deps.presentedBy,
    send: (webhook, call, target) => breakers.send(endpointCalled(webhook, target), call),
    heldTimes: (webhook) => gates.times(webhook, 'circuit-open'),
    retryAt: (webhook, target) => breakers.retryAt(endpointCalled(webhook, target).key),
    writer,
    now,
    random,
    onAttempted: report.attempted,
  });
  return new Lanes<SignedDelivery>({
    start: (delivery, signal) =>
      makeAttempt(delivery, signal).catch((error: unknown) => report.failed(`attempt ${delivery.name}`, error)),
    concurrencyOf: (webhookId) => webhooks.get(webhookId)?.concurrency ?? DEFAULT_CONCURRENCY,
    limitOf: (webhookId) => {
      const webhook = webhooks.get(webhookId);
      return webhook ? gates.limit(webhook) : Infinity;
    },
    rateOf: (webhookId) => {
      const webhook = webhooks.get(webhookId);
      return webhook && makesCalls(webhook) ? webhook.rateLimit : undefined;
    },
    ...(deps.weightOf && { weightOf: deps.weightOf }),
    mayStart: (partition) => writer.mayStart() && membership.isSure(partition),
    onRoom,
    now,
  });
}

type Followers = Pick<DeliveryParts, 'gates' | 'lanes' | 'writer' | 'releaser'>;

/** When it opens, what waits in the lanes of its webhooks is parked behind their gates; in any case see what may begin now. */
function followBreaker({ webhooks, now, report }: DeliveryDeps, parts: Followers, change: BreakerChange): void {
  const { gates, lanes, writer, releaser } = parts;
  report.breakerChanged(change);
  gates.follow(change);
  if (change.state === 'open') {
    for (const { webhookId, partition } of lanes.all()) {
      const webhook = webhooks.get(webhookId);
      if (!webhook || gates.heldBy(webhook).key !== change.endpoint.key) continue;
      gates.hold(webhook, partition);
      const outcome = parked(now(), 'circuit-open', gates.times(webhook, 'circuit-open'));
      void writer.recordAll(lanes.takeWaiting(webhookId).map((delivery) => ({ delivery, outcome })));
    }
  }
  lanes.resume();
  releaser.wake();
}

/** What waits in the lanes of webhooks that are paused now is parked behind their gates; what is paused no more goes out. */
function followPauses({ webhooks, now, report }: DeliveryDeps, { gates, lanes, writer, releaser }: Followers): void {
  const all = lanes.all().flatMap(({ webhookId, partition }) => {
    const webhook = webhooks.get(webhookId);
    if (!webhook || gates.holds(webhook) !== 'paused') return [];
    const waiting = lanes.takeWaiting(webhookId);
    if (waiting.length > 0) gates.hold(webhook, partition);
    const outcome = parked(now(), 'paused', gates.times(webhook, 'paused'));
    return waiting.map((delivery) => ({ delivery, outcome }));
  });
  void writer.recordAll(all);
  gates.liftPassed();
  lanes.resume();
  releaser.wake();
  report.pausesChanged(all.length);
}
