import type { Webhook } from '@switchhook/contracts';
import { createAuthority } from '@switchhook/testing';
import { expect, it } from 'vitest';
import { CertificateWatch } from './certificate-watch.js';
import { webhookFixture } from './delivery.fixture.js';

const DAY_MS = 24 * 60 * 60 * 1_000;

it('client certificates are warned of from 30 days before their end, once a day, while they are used', async () => {
  const authority = await createAuthority();
  const { cert } = await authority.issue({ days: 40 });
  const using = (id: number, more: Partial<Webhook> = {}) =>
    webhookFixture({ id, tls: { clientCertificate: cert }, ...more });
  const webhooks = [
    using(1),
    using(2, { status: 'deleted' }),
    using(3, { status: 'disabled' }),
    webhookFixture({ id: 4 }),
  ];
  const said: string[] = [];
  const log = (level: string) => (facts: object) => said.push(`${level} ${(facts as { webhookId: number }).webhookId}`);
  let nowMs = Date.now();
  let gauge = -1;
  const watch = new CertificateWatch({
    directory: { all: () => webhooks, whenCaughtUp: Promise.resolve() },
    logger: { warn: log('warn'), error: log('error') },
    expiring: { set: (count: number) => (gauge = count) },
    now: () => nowMs,
  });
  await watch.onApplicationBootstrap();
  await Promise.resolve();
  expect([said, gauge]).toEqual([[], 0]);
  nowMs += 11 * DAY_MS;
  watch.look();
  watch.look();
  expect([said, gauge]).toEqual([['warn 1'], 1]);
  nowMs += DAY_MS;
  watch.look();
  nowMs += 30 * DAY_MS;
  watch.look();
  expect([said, gauge]).toEqual([['warn 1', 'warn 1', 'error 1'], 1]);
  watch.onApplicationShutdown();
});
