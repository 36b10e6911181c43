import type { Webhook } from '@switchhook/contracts';
import type { LogRecord } from '@switchhook/event-log';
import type { NamedBatch } from '../accepted-names.js';
import type { Claim } from '../claims.js';
import type { Accounts, Claims, IngestCounters, Names, Receivers } from '../ingest.js';

/** Accepted names in memory. What it answers is what accepted-names.int.spec.ts asks of the real ones. */
export class NamesInMemory implements Names {
  readonly places = new Map<string, string>();
  readonly watermarks = new Map<number, number>();
  statements = 0;

  async accept({ partition, events }: NamedBatch): Promise<boolean[]> {
    this.statements += 1;
    for (const { eventKey, position } of events) {
      if (!this.places.has(eventKey)) this.places.set(eventKey, `${partition}:${position}`);
    }
    return events.map(({ eventKey, position }) => this.places.get(eventKey) === `${partition}:${position}`);
  }

  watermark(partition: number): number {
    return this.watermarks.get(partition) ?? 0;
  }
}

/** Claims in memory. What it answers is what claims.int.spec.ts asks of the real ones. */
export class ClaimsInMemory implements Claims {
  readonly owners = new Map<number, string>();
  statements = 0;

  async claim(claims: readonly Claim[]): Promise<ReadonlyMap<number, string>> {
    this.statements += 1;
    for (const { webhookId, eventKey } of claims) {
      if (!this.owners.has(webhookId)) this.owners.set(webhookId, eventKey);
    }
    return this.owners;
  }
}

/** Both directories; what was `announced` becomes known when their ends are reached. */
export class Directories implements Receivers, Accounts {
  ready = true;
  endsAsked = 0;
  readonly announced: Webhook[] = [];
  readonly #known: Webhook[] = [];

  constructor(...known: Webhook[]) {
    this.#known.push(...known);
  }

  caughtUp(): boolean {
    return this.ready;
  }

  webhooksFor(accountId: number, eventType: string): readonly Webhook[] {
    return this.#known.filter(
      ({ resource, events, ...webhook }) =>
        webhook.accountId === accountId && events.some((event) => `${resource}.${event}` === eventType),
    );
  }

  exists(accountId: number): boolean {
    return this.#known.some((webhook) => webhook.accountId === accountId);
  }

  async reachEnd(): Promise<void> {
    this.endsAsked += 1;
    this.#known.push(...this.announced.splice(0));
  }
}

export class CountersInMemory implements IngestCounters {
  readonly seen: string[] = [];
  accepted = (count: number): void => this.#add(count, 'accepted');
  duplicate = (count: number): void => this.#add(count, 'duplicate');
  rejected = (reason: string): void => this.#add(1, `rejected ${reason}`);
  wrongKey = (): void => this.#add(1, 'wrong key');
  done = (): void => undefined;

  #add(count: number, what: string): void {
    for (let times = 0; times < count; times++) this.seen.push(what);
  }
}

export const webhook = (id: number, change: Partial<Webhook> = {}): Webhook => ({
  id,
  accountId: 7,
  version: 3,
  callVersion: 2,
  status: 'enabled',
  profile: 'standard',
  resource: 'OutboundCall',
  events: ['Finished'],
  callback: 'http://receiver.example/hook',
  nonStrictSsl: false,
  singleUse: false,
  createdAt: 0,
  updatedAt: 0,
  ...change,
});

/** A record of `events.v1` in binary mode, as a producer writes it. */
export function eventRecordAt(position: number, change: Partial<LogRecord> = {}, id = `event-${position}`): LogRecord {
  return {
    topic: 'events.v1',
    partition: 0,
    position,
    appendedAtMs: 1_700_000_000_000 + position,
    key: Buffer.from('7:call-1'),
    value: Buffer.from('{"id":7420017300281076000}'),
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: 'spec',
      ce_type: 'OutboundCall.Finished',
      ce_subject: 'call-1',
      ce_time: '2026-01-02T03:04:05Z',
      ce_accountid: '7',
      'content-type': 'application/json',
    },
    ...change,
  };
}
