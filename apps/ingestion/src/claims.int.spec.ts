import { migrate, openDatabase } from '@switchhook/event-store';
import { createDatabase, type TestDatabase } from '@switchhook/testing';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Claims } from './claims.js';
import { AcceptedNames1700000000001 } from './migrations/0001-accepted-names.js';
import { Claims1700000000002 } from './migrations/0002-claims.js';

describe('claims of webhooks that trigger once', () => {
  let server: TestDatabase;
  let database: DataSource;
  let claims: Claims;

  beforeAll(async () => {
    server = await createDatabase();
    const migrations = [AcceptedNames1700000000001, Claims1700000000002];
    await migrate({ url: server.url, schema: 'ingestion', migrations });
    database = await openDatabase({ url: server.url, applicationName: 'spec', poolSize: 8 });
    claims = new Claims(database);
  });
  afterAll(async () => {
    await database.destroy();
    await server.drop();
  });

  it('give a webhook to its first event, in a batch and afterwards, and to the same event when it is re-read', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const both = [
      { webhookId: 1, eventKey: a },
      { webhookId: 1, eventKey: b },
    ];
    expect(await claims.claim(both)).toEqual(new Map([[1, a]]));
    expect(await claims.claim(both)).toEqual(new Map([[1, a]]));
    const mixed = [
      { webhookId: 2, eventKey: b },
      { webhookId: 1, eventKey: b },
    ];
    expect(await claims.claim(mixed)).toEqual(
      new Map([
        [1, a],
        [2, b],
      ]),
    );
  });

  it('have one winner, known to all, when many claim the same webhooks at once in any order', async () => {
    const webhookIds = Array.from({ length: 50 }, (_, at) => 100 + at);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, at) => {
        const eventKey = randomUUID();
        const order = at % 2 === 0 ? webhookIds : webhookIds.toReversed();
        return claims.claim(order.map((webhookId) => ({ webhookId, eventKey })));
      }),
    );
    const [first] = answers;
    expect(first?.size).toBe(50);
    for (const answer of answers) expect(answer).toEqual(first);
  });
});
