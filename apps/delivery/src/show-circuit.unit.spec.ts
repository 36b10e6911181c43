import { WebhookCircuitSchema, type EndpointChange, type Webhook } from '@switchhook/contracts';
import { openTimeMs } from '@switchhook/domain';
import { HttpFault, type Actor } from '@switchhook/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Breakers, endpointOf, fallbackEndpointOf } from './breakers.js';
import { Circuits } from './circuits.js';
import { webhookFixture } from './delivery.fixture.js';
import { showCircuit } from './show-circuit.js';

const HOOK = webhookFixture({ id: 5, accountId: 7, fallbackCallback: 'http://other.example/' });
const PLAIN = webhookFixture({ id: 6, accountId: 7, callback: 'http://third.example/' });
const NOW = 1_000_000;

const actor = (accountId: number): Actor => ({ credentialId: 3, role: 'account', accountId, anyAccount: false });

let breakers: Breakers;
let told: EndpointChange[];
beforeEach(() => {
  told = [];
  breakers = new Breakers({ send: () => Promise.reject(new Error('no call here')), now: () => NOW, openTimeMs });
  breakers.onChange(({ gossip }) => void (gossip && told.push(gossip)));
});
afterEach(() => breakers.stop());

/** What instances say of the endpoint of `webhook`, or of its fallback. */
const open = ({ key, accountId }: { key: string; accountId: number }, more: Partial<EndpointChange> = {}) =>
  breakers.hear({ endpoint: key, accountId, state: 'open', at: NOW, openings: 1, retryAt: NOW + 10_000, ...more });

/** The API over `webhooks`; those of `onLog` are known once the end of the log is reached. */
function api(webhooks: readonly Webhook[], onLog: readonly Webhook[] = [], isLogThere = true) {
  const known = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
  const answer = () => (isLogThere ? Promise.resolve() : new Promise<void>(() => undefined));
  const gossip = { restored: answer, reachEnd: answer, told: answer };
  return showCircuit({
    circuits: new Circuits({ breakers, gossip }),
    webhooks: {
      get: (id) => known.get(id),
      reachEnd: async () => onLog.forEach((webhook) => known.set(webhook.id, webhook)),
    },
    deadlineMs: 20,
  });
}
const faultOf = (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    (error: unknown) => (error instanceof HttpFault ? [error.status, error.message] : error),
  );

const CLOSED = { state: 'closed', since: null, nextProbeAt: null, openings: 0, lastFailure: null };

describe('the circuit of a webhook', () => {
  it('is that of its callback, and beside it that of its fallback', async () => {
    const failure = { at: NOW - 1, statusCode: 503, error: null };
    open(endpointOf(HOOK), { openings: 3, retryAt: NOW + 40_000, since: NOW - 31_000, failure });
    const circuit = await api([HOOK, PLAIN]).look(actor(7), '5', {});
    expect(circuit).toEqual({
      ...{ state: 'open', since: NOW - 31_000, nextProbeAt: NOW + 40_000, openings: 3, lastFailure: failure },
      fallback: CLOSED,
    });
    expect(WebhookCircuitSchema.parse(circuit)).toEqual(circuit);
    expect(await api([HOOK, PLAIN]).look(actor(7), '6', {})).toEqual({ ...CLOSED, fallback: null });
  });

  it('is closed by hand, that of the fallback too, and everyone is told by whom; a closed one stays as it is', async () => {
    open(endpointOf(HOOK));
    open(fallbackEndpointOf(HOOK), { at: NOW + 5_000 });
    open(endpointOf(PLAIN));
    const circuit = await api([HOOK]).reset(actor(7), '5', {}, undefined);
    expect([circuit.state, circuit.openings, circuit.fallback?.state]).toEqual(['closed', 0, 'closed']);
    expect(told).toMatchObject([
      { endpoint: endpointOf(HOOK).key, state: 'closed', at: NOW + 1, resetBy: 3 },
      // Later than what it undoes, whatever the clocks say.
      { endpoint: fallbackEndpointOf(HOOK).key, state: 'closed', at: NOW + 5_001, resetBy: 3 },
    ]);
    expect(breakers.state(endpointOf(PLAIN).key)).toBe('open');
    expect(breakers.limit(endpointOf(HOOK).key)).toBe(1);
    await api([HOOK]).reset(actor(7), '5', {}, {});
    expect(told).toHaveLength(2);
  });

  it.each(['0', '05', '5x', '-5', '99999999999999999999', '8'])('is not there for the id %s', async (id) => {
    expect(await faultOf(api([HOOK]).look(actor(7), id, {}))).toEqual([404, `There is no webhook ${id}`]);
    expect(await faultOf(api([HOOK]).reset(actor(7), id, {}, undefined))).toEqual([404, `There is no webhook ${id}`]);
  });

  it('is not there for another account, nor once its webhook is deleted', async () => {
    open(endpointOf(HOOK));
    expect(await faultOf(api([HOOK]).look(actor(8), '5', {}))).toEqual([404, 'There is no webhook 5']);
    expect(await faultOf(api([HOOK]).reset(actor(8), '5', {}, {}))).toEqual([404, 'There is no webhook 5']);
    const deleted = { ...HOOK, status: 'deleted' as const };
    expect(await faultOf(api([deleted]).look(actor(7), '5', {}))).toEqual([404, 'There is no webhook 5']);
    expect(breakers.state(endpointOf(HOOK).key)).toBe('open');
  });

  it('is there for a webhook that was created a moment ago', async () => {
    expect(await api([], [HOOK]).look(actor(7), '5', {})).toMatchObject({ state: 'closed' });
  });

  it('names what it does not know', async () => {
    expect(await faultOf(api([HOOK]).look(actor(7), '5', { verbose: '1' }))).toEqual([400, 'verbose is not known']);
    expect(await faultOf(api([HOOK]).reset(actor(7), '5', { now: '1' }, {}))).toEqual([400, 'now is not known']);
    expect(await faultOf(api([HOOK]).reset(actor(7), '5', {}, { force: true }))).toEqual([400, 'force is not known']);
  });

  it('is a 503 while the log does not answer', async () => {
    const fault = [503, 'The event log does not answer: send the same again'];
    expect(await faultOf(api([HOOK], [], false).look(actor(7), '5', {}))).toEqual(fault);
    expect(await faultOf(api([HOOK], [], false).reset(actor(7), '5', {}, {}))).toEqual(fault);
  });
});

describe('what an instance says of an endpoint', () => {
  const { key } = endpointOf(PLAIN);

  it('is believed for as long as it waits itself, and no longer than the rule can ask for, whatever its clock says', () => {
    const day = 86_400_000;
    open(endpointOf(PLAIN), { at: NOW + day, retryAt: NOW + day + 50_000, waitMs: 50_000 });
    expect(breakers.retryAt(key)).toBe(NOW + 50_000);
    open(endpointOf(PLAIN), { at: NOW + 2 * day, retryAt: NOW + 2 * day, waitMs: 3 * day });
    expect(breakers.retryAt(key)).toBe(NOW + 60_000);
    open(endpointOf(PLAIN), { at: NOW + 3 * day, retryAt: NOW + 4 * day });
    expect(breakers.retryAt(key)).toBe(NOW + 10_000);
  });

  it('makes all agree when two say the opposite of the same moment: it is open', () => {
    const closed = { state: 'closed' as const, openings: 0 };
    open(endpointOf(PLAIN), closed);
    open(endpointOf(PLAIN));
    expect(breakers.state(key)).toBe('open');
    open(endpointOf(PLAIN), closed);
    expect(breakers.state(key)).toBe('open');
  });

  it('is remembered when it is closed: since when, and what failed last', () => {
    const failure = { at: NOW - 9, statusCode: null, error: 'refused' as const };
    open(endpointOf(PLAIN), { state: 'closed', openings: 0, at: NOW - 1, failure });
    expect(breakers.circuit(key)).toEqual({ ...CLOSED, since: NOW - 1, lastFailure: failure });
    expect(breakers.limit(key)).toBe(Infinity);
  });
});
