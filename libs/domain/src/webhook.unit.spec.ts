import { WebhookEventSchema, type Sealed, type WebhookEvent } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { given } from './decider.spec-support.js';
import { webhookDecider, type WebhookCommand } from './webhook.js';

const sealed = (ciphertext: string): Sealed => ({ keyId: 'k1', encapsulated: 'e', ciphertext });
const required = { resource: 'OutboundCall', events: ['Finished'], callback: 'https://example.com/a' };
const create = (changes: object = {}): WebhookCommand => ({
  type: 'create',
  id: 12,
  accountId: 7,
  changes: { ...required, ...changes },
  by: 'credential:1',
  now: 100,
});
const at = { by: 'credential:2', now: 200 };
const system = { by: 'system', now: 300 };
const created = (changes: object = {}): WebhookEvent => given(webhookDecider).when(create(changes)).facts[0]!;
/** The facts that `commands` lead to one after the other. */
const after = (...commands: WebhookCommand[]): WebhookEvent[] =>
  commands.reduce<WebhookEvent[]>(
    (facts, command) => [...facts, ...given(webhookDecider, ...facts).when(command).facts],
    [],
  );
const change = (changes: object, secret?: Sealed | null): WebhookCommand => ({
  type: 'change',
  changes,
  secret,
  ...at,
});

describe('creating a webhook', () => {
  it('fills in what was left open', () => {
    const { facts } = given(webhookDecider).when(create());
    expect(facts).toStrictEqual([
      {
        type: 'webhook.created',
        at: 100,
        by: 'credential:1',
        webhook: {
          id: 12,
          accountId: 7,
          version: 1,
          callVersion: 1,
          status: 'enabled',
          profile: 'callfire-v2',
          ...required,
          nonStrictSsl: false,
          singleUse: false,
          createdAt: 100,
          updatedAt: 100,
        },
      },
    ]);
    expect(() => WebhookEventSchema.parse(facts[0])).not.toThrow();
  });

  it('keeps everything that was given, the sealed secret too', () => {
    const changes = {
      name: 'n',
      enabled: false,
      profile: 'standard',
      fields: 'id',
      nonStrictSsl: true,
      singleUse: true,
      expiresAt: 5_000,
      timeoutMs: 100,
      retry: { delaysMs: [1] },
      concurrency: 2,
      labels: { a: 'b' },
    };
    const { enabled: _enabled, ...settings } = changes;
    const [fact] = given(webhookDecider).when({ ...create(changes), secret: sealed('s') } as WebhookCommand).facts;
    expect(fact!.webhook).toMatchObject({ ...settings, status: 'disabled', secret: sealed('s') });
  });

  it('is refused a second time', () => {
    expect(() => given(webhookDecider, created()).when(create())).toThrow('Webhook 12 exists already');
  });
});

describe('changing a webhook', () => {
  it('leaves what it does not name, and clears what it names as null', () => {
    const { facts } = given(
      webhookDecider,
      created({ name: 'n', fields: 'id', labels: { a: 'b' }, nonStrictSsl: true }),
    ).when(change({ name: null, labels: { c: 'd' }, nonStrictSsl: null }));
    const { webhook } = facts[0]!;
    expect(webhook).toMatchObject({
      fields: 'id',
      labels: { c: 'd' },
      nonStrictSsl: false,
      createdAt: 100,
      updatedAt: 200,
    });
    expect('name' in webhook).toBe(false);
  });

  it.each([
    ['callback', { callback: 'https://example.com/b' }, 2],
    ['fields', { fields: 'id' }, 2],
    ['nonStrictSsl', { nonStrictSsl: true }, 2],
    ['profile', { profile: 'standard' }, 2],
    ['name', { name: 'other' }, 1],
    ['fallbackCallback', { fallbackCallback: 'https://example.com/fallback' }, 2],
    ['retry', { retry: { delaysMs: [] } }, 1],
    ['enabled', { enabled: false }, 1],
    ['events', { resource: 'CallBroadcast', events: ['Started'] }, 1],
  ])('of %s makes a new version; calls signed before may go out or not', (_name, changes, callVersion) => {
    const { facts } = given(webhookDecider, created()).when(change(changes));
    expect(facts[0]!.webhook).toMatchObject({ version: 2, callVersion });
  });

  it('of the secret makes calls signed before stale, and null removes it', () => {
    const history = after(create(), change({}, sealed('one')));
    expect(history[1]!.webhook).toMatchObject({ secret: sealed('one'), callVersion: 2 });
    const { facts } = given(webhookDecider, ...history).when(change({}, null));
    expect(facts[0]!.webhook).toMatchObject({ version: 3, callVersion: 3 });
    expect('secret' in facts[0]!.webhook).toBe(false);
  });

  it('keeps the version of the last change to the call while other things change', () => {
    const [, , last] = after(create(), change({ callback: 'https://example.com/b' }), change({ name: 'n' }));
    expect(last!.webhook).toMatchObject({ version: 3, callVersion: 2 });
  });

  it('into what it is already changes nothing', () => {
    expect(
      given(webhookDecider, created({ labels: { a: '1', b: '2' } })).when(
        change({ ...required, labels: { b: '2', a: '1' } }),
      ).facts,
    ).toStrictEqual([]);
  });

  it('of what a call presents makes the calls that were signed before stale, and null takes it away', () => {
    const presented = {
      auth: { type: 'bearer', token: sealed('t') },
      headers: { 'x-a': sealed('h') },
      tls: { caCertificates: 'ca' },
    };
    for (const [name, value] of Object.entries(presented)) {
      const [, changed] = after(create(), change({ [name]: value }));
      expect(changed!.webhook).toMatchObject({ [name]: value, version: 2, callVersion: 2 });
      const history = after(create(), change({ [name]: value }), change({ name: 'n' }), change({ [name]: null }));
      expect(history[2]!.webhook).toMatchObject({ [name]: value, callVersion: 2 });
      expect(history[3]!.webhook).toMatchObject({ version: 4, callVersion: 4 });
      expect(history[3]!.webhook).not.toHaveProperty(name);
      expect(() => WebhookEventSchema.parse(changed)).not.toThrow();
    }
  });

  it('to another profile needs the secret again, which nobody here can read', () => {
    const history = after(create(), change({}, sealed('one')));
    expect(() => given(webhookDecider, ...history).when(change({ profile: 'standard' }))).toThrow(
      'secret: must be given again',
    );
    expect(given(webhookDecider, ...history).when(change({ profile: 'standard' }, sealed('two'))).facts).toHaveLength(
      1,
    );
  });

  it('can enable it again after it was disabled, from when on it is judged anew', () => {
    const history = after(create(), { type: 'disable', reason: 'gone', ...system });
    expect(history[1]).toMatchObject({ type: 'webhook.disabled', reason: 'gone' });
    const [enabled] = given(webhookDecider, ...history).when(change({ enabled: true })).facts;
    expect(enabled!.webhook).toMatchObject({ status: 'enabled', enabledAt: 200 });
    const [renamed] = given(webhookDecider, ...history, enabled!).when({
      ...change({ name: 'n', enabled: true }),
      now: 900,
    }).facts;
    expect(renamed!.webhook).toMatchObject({ status: 'enabled', enabledAt: 200 });
  });

  it('brings an expired one back only with its expiry lifted', () => {
    const history = after(create({ expiresAt: 150 }), { type: 'expire', ...system });
    const status = (changes: object) =>
      given(webhookDecider, ...history).when(change(changes)).facts[0]?.webhook.status;
    expect(status({ name: 'n' })).toBe('expired');
    expect(status({ enabled: true })).toBeUndefined();
    expect(status({ expiresAt: 201 })).toBe('enabled');
    expect(status({ expiresAt: null })).toBe('enabled');
    expect(status({ expiresAt: null, enabled: false })).toBe('disabled');
  });

  it('never brings a spent one back', () => {
    const history = after(create({ singleUse: true }), { type: 'spend', ...system, cause: 'd1' });
    expect(given(webhookDecider, ...history).when(change({ enabled: true, name: 'n' })).facts[0]!.webhook.status).toBe(
      'spent',
    );
  });
});

describe('facts that follow from others', () => {
  const follows = (type: 'disable' | 'spend' | 'expire' | 'delete', more: { cause?: string } = {}): WebhookCommand =>
    type === 'disable' ? { type, reason: 'gone', ...system, ...more } : { type, ...system, ...more };

  it.each([
    ['disable', 'webhook.disabled', 'disabled'],
    ['spend', 'webhook.spent', 'spent'],
    ['expire', 'webhook.expired', 'expired'],
    ['delete', 'webhook.deleted', 'deleted'],
  ] as const)('%s: %s, with the full state', (type, event, status) => {
    const { facts } = given(webhookDecider, created()).when(follows(type, { cause: 'c1' }));
    expect(facts).toMatchObject([{ type: event, at: 300, by: 'system', cause: 'c1' }]);
    expect(facts[0]!.webhook).toStrictEqual({ ...created().webhook, status, version: 2, updatedAt: 300 });
  });

  it.each(['disable', 'spend', 'expire', 'delete'] as const)(
    '%s happens once for a cause, however often it is asked',
    (type) => {
      const command = follows(type, { cause: 'c1' });
      expect(given(webhookDecider, ...after(create(), command)).when(command).facts).toStrictEqual([]);
    },
  );

  it('a cause that disabled it once does not undo that it was enabled since', () => {
    const disable: WebhookCommand = { type: 'disable', reason: 'failing', ...system, cause: 'c1' };
    const history = after(create(), disable, change({ enabled: true }));
    expect(given(webhookDecider, ...history).when(disable).facts).toStrictEqual([]);
    expect(given(webhookDecider, ...history).when({ ...disable, cause: 'c2' }).facts).toHaveLength(1);
  });

  it.each(['disable', 'spend', 'expire'] as const)('%s comes too late for a deleted webhook, in silence', (type) => {
    const history = after(create(), { type: 'delete', ...at });
    expect(given(webhookDecider, ...history).when(follows(type)).facts).toStrictEqual([]);
    expect(given(webhookDecider).when(follows(type)).facts).toStrictEqual([]);
  });

  it('a spent webhook does not expire: its delivery is still under way', () => {
    const history = after(create(), { type: 'spend', ...system });
    expect(given(webhookDecider, ...history).when({ type: 'expire', ...system }).facts).toStrictEqual([]);
  });
});

describe('a customer who speaks of a deleted webhook', () => {
  it.each([change({ name: 'n' }), { type: 'delete', ...at } as WebhookCommand])(
    'is told that it does not exist',
    (command) => {
      const history = after(create(), { type: 'delete', ...at });
      expect(() => given(webhookDecider, ...history).when(command)).toThrow('The webhook does not exist');
      expect(() => given(webhookDecider).when(command)).toThrow('The webhook does not exist');
    },
  );
});

describe('pausing a webhook', () => {
  const order = (type: 'pause' | 'resume', role: 'platform' | 'account', now: number): WebhookCommand => ({
    ...{ type, role, now },
    by: '9',
  });

  it('is part of its state, without touching what its calls look like', () => {
    const { facts } = given(webhookDecider, created()).when(order('pause', 'account', 400));
    expect(facts).toMatchObject([{ type: 'webhook.paused', at: 400, by: '9' }]);
    expect(facts[0]!.webhook).toStrictEqual({
      ...created().webhook,
      version: 2,
      updatedAt: 400,
      pause: { since: 400, by: '9', role: 'account' },
    });
    expect(() => WebhookEventSchema.parse(facts[0])).not.toThrow();
  });

  it('outlasts what the customer changes, disables and enables', () => {
    const history = after(
      create(),
      order('pause', 'account', 400),
      change({ name: 'n', enabled: false }),
      change({ enabled: true }),
    );
    expect(history.at(-1)!.webhook).toMatchObject({ status: 'enabled', pause: { since: 400 } });
  });

  it('ends with resuming it; either order again changes nothing', () => {
    const paused = after(create(), order('pause', 'platform', 400), order('pause', 'account', 500));
    expect(paused).toHaveLength(2);
    const resumed = after(create(), order('pause', 'platform', 400), order('resume', 'platform', 500));
    expect(resumed.at(-1)).toMatchObject({ type: 'webhook.resumed', webhook: { version: 3 } });
    expect('pause' in resumed.at(-1)!.webhook).toBe(false);
    expect(given(webhookDecider, ...resumed).when(order('resume', 'platform', 600)).facts).toEqual([]);
  });

  it("is not lifted by the account where it is the platform's, and means nothing once it is deleted", () => {
    const paused = after(create(), order('pause', 'platform', 400));
    expect(() => given(webhookDecider, ...paused).when(order('resume', 'account', 500))).toThrow('only the platform');
    const deleted = after(create(), { type: 'delete', ...at });
    expect(() => given(webhookDecider, ...deleted).when(order('pause', 'platform', 500))).toThrow('does not exist');
  });
});
