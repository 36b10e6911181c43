import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addressAllowed } from './address-policy.js';
import { aWebhook } from './event.spec-support.js';
import { readWebhookInput } from './webhook-input.js';
import type { TlsFaults } from './webhook-credentials.js';

const required = { resource: 'OutboundCall', events: ['Finished'], callback: 'https://example.com/a' };
const publicOnly = (ip: string) => addressAllowed(ip, []);
const noFaults: TlsFaults = () => [];
const create = (body: unknown, tlsFaults = noFaults) =>
  readWebhookInput(body, { addressAllowed: publicOnly, tlsFaults });
const change = (body: unknown, current = aWebhook(), tlsFaults = noFaults) =>
  readWebhookInput(body, { current, addressAllowed: publicOnly, tlsFaults });
const inputOf = (result: ReturnType<typeof create>) => {
  if ('faults' in result) throw new Error(result.faults.map(({ message }) => message).join('\n'));
  return result.input;
};
const messagesOf = (result: ReturnType<typeof create>) =>
  'faults' in result ? result.faults.map(({ message }) => message) : [];

describe('a webhook to create', () => {
  it.each(['outboundcall', 'OUTBOUNDCALL', 'OutboundCall'])(
    'may spell resource and events as it likes (%s)',
    (resource) => {
      expect(inputOf(create({ ...required, resource, events: ['FINISHED', 'finished'] })).changes).toStrictEqual(
        required,
      );
    },
  );

  it('keeps its secret apart from its settings', () => {
    expect(inputOf(create({ ...required, secret: 'mysecrets' }))).toStrictEqual({
      changes: required,
      credentials: {},
      secret: 'mysecrets',
    });
  });

  it('may send back what only we set', () => {
    expect(inputOf(create({ id: 1, createdAt: 2, updatedAt: 3, hasSecret: true, ...required })).changes).toStrictEqual(
      required,
    );
  });

  it('may have every setting', () => {
    const settings = {
      profile: 'standard',
      name: 'n',
      enabled: false,
      fields: 'id,data(id)',
      nonStrictSsl: true,
      singleUse: true,
      expiresAt: 1_900_000_000_000,
      timeoutMs: 30_000,
      retry: { delaysMs: [0, 5], maxAgeMs: 1 },
      concurrency: 1,
      rateLimit: { perSecond: 0.5, burst: 1 },
      ordering: 'key',
      labels: { a: 'b' },
    };
    expect(inputOf(create({ ...required, ...settings })).changes).toStrictEqual({ ...required, ...settings });
  });

  it('has a burst of one second, at least of one, where it gives a rate alone', () => {
    const burstOf = (perSecond: number) => inputOf(create({ ...required, rateLimit: { perSecond } })).changes.rateLimit;
    expect([0.5, 2.5].map(burstOf)).toEqual([
      { perSecond: 0.5, burst: 1 },
      { perSecond: 2.5, burst: 3 },
    ]);
  });

  it('is told of every fault at once, each message beginning with its field', () => {
    const result = create({
      events: [1],
      callback: 5,
      timeoutMs: 99,
      retry: { delaysMs: [1, 2, 3, -1] },
      filter: {},
      colour: 'red',
    });
    expect(result).toStrictEqual({
      faults: [
        { field: 'events[0]', message: 'events[0]: must be a string' },
        { field: 'callback', message: 'callback: must be a string' },
        { field: 'timeoutMs', message: 'timeoutMs: must be an integer from 100 to 30000' },
        { field: 'retry.delaysMs[3]', message: 'retry.delaysMs[3]: must be an integer from 0 to 2592000000' },
        { field: 'filter', message: 'filter: not supported yet' },
        { field: 'colour', message: 'colour: unknown field' },
        { field: 'resource', message: 'resource: is required' },
      ],
    });
  });

  it.each([
    [
      { resource: 'Fax' },
      'resource: [Fax] is unsupported, supported resources are: [MonthlyRenewal, LowBalance, CccCampaign, CallBroadcast, TextBroadcast, OutboundCall, InboundCall, OutboundText, InboundText, ContactList, OutboundTextDeliveryReport, Webhook]',
    ],
    [
      { resource: 'callbroadcast', events: ['Started', 'Paused'] },
      'events: Event [Paused] is unsupported for CallBroadcast resource, supported events are: [Started, Stopped, Finished]',
    ],
    [{ events: [] }, 'events: must have 1 to 100 items'],
    [{ events: 'Finished' }, 'events: must be an array of strings'],
    [{ profile: 'twilio' }, 'profile: must be one of: callfire-v2, standard'],
    [{ enabled: 'yes' }, 'enabled: must be true or false'],
    [{ name: 5 }, 'name: must be a string'],
    [{ fields: 'items(id' }, 'fields: has a "(" without its ")"'],
    [{ fields: 'id)' }, 'fields: has a ")" without its "("'],
    [{ fields: 'id,(name)' }, 'fields: must have a name before each "("'],
    [{ expiresAt: '2030' }, 'expiresAt: must be an integer from 0 to 9007199254740991'],
    [{ retry: { delaysMs: Array(51).fill(1) } }, 'retry.delaysMs: must be an array of 0 to 50 integers'],
    [{ retry: { tries: 3 } }, 'retry.tries: unknown field'],
    [{ concurrency: 0 }, 'concurrency: must be an integer from 1 to 1000'],
    [{ rateLimit: 5 }, 'rateLimit: must be an object'],
    [{ rateLimit: { burst: 5 } }, 'rateLimit.perSecond: must be a number from 0.05 to 10000'],
    [{ rateLimit: { perSecond: 0.01 } }, 'rateLimit.perSecond: must be a number from 0.05 to 10000'],
    [{ rateLimit: { perSecond: 5, burst: 0 } }, 'rateLimit.burst: must be an integer from 1 to 100000'],
    [{ rateLimit: { perSecond: 5, perMinute: 1 } }, 'rateLimit.perMinute: unknown field'],
    [{ ordering: 'fifo' }, 'ordering: must be one of: none, key'],
    [{ labels: { a: 1 } }, 'labels.a: must be a string'],
    [
      { labels: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [n, ''])) },
      'labels: must have at most 20 pairs, not 21',
    ],
    [{ secret: '' }, 'secret: must not be empty'],
    [{ profile: 'standard', secret: 'mysecrets' }, 'secret: must be "whsec_" followed by base64'],
    [{ profile: 'standard', secret: 'whsec_AAAA' }, 'secret: must hold 24 to 64 bytes, not 3'],
    [{ toString: 1 }, 'toString: unknown field'],
  ])('%j is refused', (changes, message) => {
    expect(messagesOf(create({ ...required, ...changes }))).toStrictEqual([message]);
  });

  it.each([null, 'text', [], 5])('cannot be %j', (body) => {
    expect(messagesOf(create(body))).toStrictEqual(['body: must be a JSON object']);
  });
});

describe.each(['callback', 'fallbackCallback'] as const)('a %s', (field) => {
  it.each([
    'https://example.com',
    'http://example.com:8080/a?b=c',
    'https://example.com/#fragment',
    'http://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://localhost/',
    'https://bücher.example/',
    'HTTPS://EXAMPLE.COM/',
    `https://example.com/${'x'.repeat(7_980)}`,
  ])('may be %.40s, and stays as it was written', (url) => {
    expect(inputOf(create({ ...required, [field]: url })).changes[field]).toBe(url);
  });

  it.each([
    ['', 'must be an absolute http or https URL'],
    ['/hook', 'must be an absolute http or https URL'],
    ['example.com/hook', 'must be an absolute http or https URL'],
    ['ftp://example.com/', 'must be an absolute http or https URL'],
    ['sms:callfire', 'must be an absolute http or https URL'],
    ['https:example.com', 'must have "//" after its scheme'],
    ['https://user:pass@example.com/', 'must not have credentials in it'],
    ['https://user@example.com/', 'must not have credentials in it'],
    ['https://example.com/a b', 'must not hold white space or control characters'],
    ['https://example.com/\n', 'must not hold white space or control characters'],
    ['https://example.com:22/', 'port 22 is not allowed, it belongs to another protocol'],
    ['https://example.com:0/', 'port 0 is not allowed, it belongs to another protocol'],
    ['http://127.0.0.1/', 'the address 127.0.0.1 is not a public one'],
    ['http://2130706433/', 'the address 127.0.0.1 is not a public one'],
    ['http://0x7f.1/', 'the address 127.0.0.1 is not a public one'],
    ['http://[::ffff:10.0.0.1]/', 'the address ::ffff:a00:1 is not a public one'],
    ['http://169.254.169.254/latest/meta-data', 'the address 169.254.169.254 is not a public one'],
    [`https://example.com/${'x'.repeat(8_000)}`, 'must have at most 8000 characters, not 8020'],
  ])('may not be %.60j', (url, words) => {
    expect(messagesOf(create({ ...required, [field]: url }))).toStrictEqual([`${field}: ${words}`]);
  });

  it('is refused for every host of the corpus, by its field', () => {
    const corpus = readFileSync(new URL('./forbidden-hosts.txt', import.meta.url), 'utf8').split('\n');
    const hosts = corpus.filter((line) => line !== '' && !line.startsWith('#'));
    const wordsFor = (host: string) =>
      URL.canParse(`http://${host}/`) ? /^callback: the address .+ is not a public one$/ : /^callback: must be/;
    const wrong = hosts.filter((host) => {
      const messages = messagesOf(create({ ...required, callback: `http://${host}/` }));
      return messages.length !== 1 || !wordsFor(host).test(messages[0]!);
    });
    expect(wrong).toEqual([]);
  });

  it('is judged again by the rules of another profile', () => {
    const current = aWebhook({ profile: 'callfire-v2', callback: 'https://example.com:22/' });
    expect(messagesOf(change({ profile: 'standard' }, current))).toContainEqual(
      'callback: port 22 is not allowed, it belongs to another protocol',
    );
    expect(messagesOf(change({ name: 'n' }, current))).toEqual([]);
  });

  it('may be a private address where that is allowed', () => {
    const allowing = (ip: string) => addressAllowed(ip, ['127.0.0.0/8']);
    const body = { ...required, callback: 'http://127.0.0.1:3000/' };
    expect('input' in readWebhookInput(body, { addressAllowed: allowing, tlsFaults: noFaults })).toBe(true);
  });
});

describe('a change to a webhook', () => {
  it('may hold any part of it', () => {
    expect(inputOf(change({ name: 'n' }))).toStrictEqual({ changes: { name: 'n' }, credentials: {} });
    expect(inputOf(change({}))).toStrictEqual({ changes: {}, credentials: {} });
  });

  it('clears with null what may be absent, and nothing else', () => {
    expect(inputOf(change({ name: null, retry: null, secret: null }))).toStrictEqual({
      changes: { name: null, retry: null },
      credentials: {},
      secret: null,
    });
    expect(messagesOf(change({ callback: null, events: null }))).toStrictEqual([
      'callback: must not be null',
      'events: must not be null',
    ]);
  });

  it('is judged with what stays: events against the resource, the secret by the profile', () => {
    expect(messagesOf(change({ resource: 'ContactList' }))).toStrictEqual([
      'events: Event [Finished] is unsupported for ContactList resource, supported events are: [ValidationFinished, ValidationFailed]',
    ]);
    expect(messagesOf(change({ events: ['started'] }))).toHaveLength(1);
    expect(inputOf(change({ events: ['started'] }, aWebhook({ resource: 'CallBroadcast' }))).changes).toStrictEqual({
      events: ['Started'],
    });
    expect(messagesOf(change({ secret: 'short' }, aWebhook({ profile: 'standard' })))).toHaveLength(1);
  });
});
