import {
  HEADER,
  SCHEMA_VERSION,
  TOPICS,
  headerText,
  joinParts,
  type Outcome,
  type Webhook,
} from '@switchhook/contracts';
import { attemptHeaders } from '@switchhook/domain';
import {
  openEmbeddedLog,
  type Consumer,
  type EventLog,
  type LogRecord,
  type OutgoingRecord,
} from '@switchhook/event-log';
import { migrate, openDatabase } from '@switchhook/event-store';
import { PauseIndex } from '@switchhook/platform';
import { createDatabase } from '@switchhook/testing';
import { Breakers, type BreakerState } from './breakers.js';
import { createDelivery } from './delivery.js';
import { idsFixture, webhookFixture } from './delivery.fixture.js';
import { GateStore } from './gate-store.js';
import type { CallAnswer, SendCall } from './http-sender.js';
import { DELIVERY_MIGRATIONS } from './migrations/all.js';
import { Schedule } from './schedule.js';

const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** The log that `openWorld` runs on unless told otherwise. */
const embeddedLog = (databaseUrl: string): EventLog => openEmbeddedLog({ databaseUrl, logger, partitions: 2 });

/** A real log and a real database for delivery, with signing as plain as can be in front of it. */
export async function openWorld(openLog = embeddedLog) {
  const database = await createDatabase();
  await migrate({ url: database.url, schema: 'delivery', migrations: DELIVERY_MIGRATIONS });
  const connection = await openDatabase({ url: database.url, applicationName: 'spec' });
  const log = openLog(database.url);
  await log.start();
  const signing = await log.consume({
    group: 'signing',
    topics: [TOPICS.requested.name],
    handle: async ({ records }) => records.map(sign),
  });
  const close = async () => {
    await signing.close();
    await log.close();
    await connection.destroy();
    await database.drop();
  };
  return { log, connection, close };
}
export type World = Awaited<ReturnType<typeof openWorld>>;

function sign(record: LogRecord): OutgoingRecord {
  const isForFallback = headerText(record.headers, HEADER.target)?.startsWith('fallback') === true;
  const url = isForFallback ? 'http://fallback.example/' : 'http://receiver.example/';
  const call = { method: 'POST', url, headers: {}, signingKeyIds: [] };
  const data = record.value ?? Buffer.alloc(0);
  const { value, lengths } = joinParts([Buffer.from(JSON.stringify(call)), data, data]);
  const headers = { ...record.headers, [HEADER.signedAt]: String(Date.now()), [HEADER.parts]: lengths };
  return { topic: TOPICS.signed.name, key: record.key, value, headers };
}

/** Asks for the first attempt at event `event` for the webhook; the body of its call is `<webhookId>:<event>`. */
export function requestFixture(webhook: Webhook, event: number, subject?: string): OutgoingRecord {
  const about = { webhookId: webhook.id, acceptedAt: Date.now(), origin: `0:${event}` };
  const ids = idsFixture(webhook.id * 100_000 + event, about);
  const attributes = { [HEADER.attributes]: JSON.stringify({ subject }) };
  const headers = {
    ...attemptHeaders(ids),
    ...attributes,
    [HEADER.kind]: 'request',
    [HEADER.schema]: String(SCHEMA_VERSION),
  };
  const value = Buffer.from(`${webhook.id}:${event}`);
  return { topic: TOPICS.requested.name, key: String(webhook.id), value, headers };
}

/** The server behind each webhook: what it was asked, and how it answers. */
export function receivers() {
  const calls: { readonly webhookId: number; readonly event: number }[] = [];
  const down = new Set<number>();
  const holding = new Map<number, (() => void)[]>();
  const open = new Map<number, number>();
  let mostOpen = 0;
  const send: SendCall = async ({ body }): Promise<CallAnswer> => {
    const [webhookId = 0, event = 0] = body.toString().split(':').map(Number);
    calls.push({ webhookId, event });
    open.set(webhookId, (open.get(webhookId) ?? 0) + 1);
    mostOpen = Math.max(mostOpen, open.get(webhookId) ?? 0);
    const held = holding.get(webhookId);
    await (held ? new Promise<void>((resolve) => held.push(resolve)) : new Promise(setImmediate));
    open.set(webhookId, (open.get(webhookId) ?? 0) - 1);
    const isDown = down.has(webhookId);
    return { statusCode: isDown ? null : 200, error: isDown ? 'refused' : null, responseBody: null, abandoned: false };
  };
  return {
    send,
    down,
    eventsOf: (webhookId: number) => calls.filter((call) => call.webhookId === webhookId).map(({ event }) => event),
    mostOpen: () => mostOpen,
    /** From now on the calls of this webhook are answered when it is let go. */
    hold: (webhookId: number) => void holding.set(webhookId, []),
    letGo: (webhookId: number) => {
      const held = holding.get(webhookId) ?? [];
      holding.delete(webhookId);
      for (const answer of held) answer();
    },
  };
}

export interface RunOptions {
  readonly world: Pick<World, 'log' | 'connection'>;
  readonly webhooks: readonly Webhook[];
  readonly send: SendCall;
  readonly openTimeMs: (openings: number) => number;
}

/** Delivery with everything but the sender, consuming. */
export async function runDelivery({ world, webhooks, send, openTimeMs }: RunOptions) {
  const { log, connection } = world;
  const known = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
  const pauses = new PauseIndex(
    () => known.values(),
    (error) => {
      throw error;
    },
  );
  const states: BreakerState[] = [];
  const outcomes: Outcome[] = [];
  const delivery = createDelivery({
    log,
    stores: { schedule: new Schedule(connection), gates: new GateStore(connection) },
    webhooks: { get: (id) => known.get(id), has: (id) => known.has(id) },
    pauses,
    presentedBy: () => undefined,
    breakers: new Breakers({ send, now: Date.now, openTimeMs }),
    now: Date.now,
    random: () => 0.5,
    report: {
      attempted: (_delivery, outcome) => outcomes.push(outcome),
      breakerChanged: ({ state }) => states.push(state),
      pausesChanged: nothing,
      scheduleLost: nothing,
      unreadable: (_record, reason) => {
        throw new Error(reason);
      },
      failed: nothing,
    },
  });
  const consumer: Consumer = await log.consume({
    group: 'delivery',
    topics: [TOPICS.signed.name, TOPICS.outcomes.name],
    settle: 'record',
    handle: (batch) =>
      batch.topic === TOPICS.signed.name ? delivery.takeSigned(batch) : delivery.projectOutcomes(batch),
    onAssigned: (assigned) => delivery.onAssigned(assigned),
    onRevoked: (partition, graceMs) => delivery.onRevoked(partition, graceMs),
  });
  const close = async () => {
    await consumer.close();
    await delivery.close();
  };
  const change = (webhook: Webhook) => {
    const before = known.get(webhook.id);
    known.set(webhook.id, webhook);
    pauses.webhookChanged(before, webhook);
  };
  return { delivery, states, outcomes, pauses, change, close };
}

/** A webhook whose failed attempts are due again after `retryMs`. */
export const endpointFixture = (id: number, retryMs = 3_600_000): Webhook =>
  webhookFixture({
    id,
    callback: `http://receiver-${id}.example/`,
    concurrency: 4,
    retry: { delaysMs: [retryMs, retryMs], maxAgeMs: 36_000_000 },
  });
