import { deliveryId, eventKey } from '@switchhook/domain';
import { describe, expect, it } from 'vitest';
import { reconcile } from './reconcile.mjs';
import { SOURCE } from './world.mjs';

const ACCOUNT = 7;
const WEBHOOK = 3;
const TYPE = 'OutboundCall.Finished';
const idOf = (n: number): string => deliveryId(eventKey(ACCOUNT, SOURCE, `e${n}`), WEBHOOK);
const NO_WAIT = { endsWithinMs: 0, quietMs: 0, knownWithinMs: 0 };

/** A round in which two events of one subject were accepted, delivered in order and archived. */
function goodRound() {
  const numbers = [1, 2];
  const attempt = (startedAt: number) => ({ attempt: { startedAt } });
  const call = (at: number) => ({ at, number: 1, run: 0, name: 'ordered', status: 200 });
  const archived = {
    events: numbers.map((n) => ({ id: `e${n}`, source: SOURCE, status: 'accepted' })),
    deliveries: numbers.map((n) => ({
      id: idOf(n),
      webhook: WEBHOOK,
      event: `e${n}`,
      type: TYPE,
      status: 'succeeded',
    })),
    outcomes: numbers.map((n) => ({
      ...{ id: idOf(n), run: 0, number: 1, kind: 'succeeded', at: n * 10_000 },
      outcome: { outcome: 'succeeded', ...attempt(n * 10_000 - 5) },
    })),
    repeatedRecords: [] as object[],
  };
  const receivers = {
    calls: new Map(numbers.map((n) => [idOf(n), [call(n * 10_000 - 3)]])),
    inOrder: new Map([['ordered', numbers.map(idOf)]]),
    proxy: { stalls: [] },
    badSignatures: 0,
  };
  const answered = archived.deliveries.map(({ id, status }) => ({ id, status }));
  const run = {
    load: { acknowledged: new Map(numbers.map((n) => [`e${n}`, { account: ACCOUNT, type: TYPE, subject: 's', n }])) },
    world: { accounts: [ACCOUNT], webhooks: new Map([[ACCOUNT, [{ id: WEBHOOK, name: 'ordered', isOrdered: true }]]]) },
    archive: {
      ...Object.fromEntries(Object.keys(archived).map((of) => [of, async () => archived[of as 'events']])),
      story: async (id: string) => `all about ${id}`,
    },
    answers: async () => answered,
    product: { processes: [{ ownEnds: [] as string[], isRunning: false }], extras: [] },
    ended: new Set<string>(),
    say: () => undefined,
    receivers,
  };
  return { run, archived, receivers, answered };
}
type Round = ReturnType<typeof goodRound>;

const faultsAfter = async (spoil: (round: Round) => void): Promise<string[]> => {
  const round = goodRound();
  spoil(round);
  return (await reconcile(round.run, 0, NO_WAIT)).faults.map((fault: string) => fault.split(':')[0] ?? '');
};
const [first, second] = [idOf(1), idOf(2)];

describe('a round is reconciled', () => {
  it('without a fault when everything arrived once, in order', async () => {
    expect(await faultsAfter(() => undefined)).toEqual([]);
  });

  it.each<[string, (round: Round) => void]>([
    ['event lost', ({ archived }) => void archived.events.shift()],
    ['delivery not ended', ({ archived }) => (archived.deliveries[0]!.status = 'pending')],
    ['delivery not ended', ({ archived }) => void archived.deliveries.shift()],
    ['event rejected', ({ archived }) => (archived.events[0]!.status = 'rejected')],
    ['event unmatched', ({ archived }) => (archived.events[0]!.status = 'unmatched')],
    ['delivery of nothing that was sent', ({ run }) => void run.load.acknowledged.delete('e1')],
    ['succeeded, but its receiver has not answered 200', ({ receivers }) => void receivers.calls.delete(first)],
    ['unexpected end', ({ archived }) => (archived.deliveries[0]!.status = 'cancelled')],
    [
      'call of a delivery that the log does not know',
      ({ receivers }) => void receivers.calls.set('stranger', receivers.calls.get(first)!),
    ],
    ['outcome of a delivery that had ended in an earlier round', ({ run }) => void run.ended.add(first)],
    ['illegal history', ({ archived }) => (archived.outcomes[0]!.number = 2)],
    [
      'call begun again after its outcome',
      ({ archived }) =>
        void archived.outcomes.push({
          ...archived.outcomes[0]!,
          at: 12_000,
          outcome: { outcome: 'succeeded', attempt: { startedAt: 11_000 } },
        }),
    ],
    [
      'call came again after its outcome',
      ({ receivers }) => void receivers.calls.get(first)!.push({ ...receivers.calls.get(first)![0]!, at: 15_000 }),
    ],
    ['order of a subject', ({ receivers }) => void receivers.inOrder.set('ordered', [second, first])],
    ['order of a subject', ({ receivers }) => void receivers.inOrder.set('ordered', [first, second, first])],
    ['record archived twice', ({ archived }) => void archived.repeatedRecords.push({ position: 1 })],
    ['answer of GET /v2/deliveries', ({ answered }) => (answered[0]!.status = 'pending')],
    ['signature', ({ receivers }) => (receivers.badSignatures = 1)],
    ['crash', ({ run }) => void run.product.processes[0]!.ownEnds.push('ended by itself')],
  ])('with the fault "%s"', async (fault, spoil) => {
    expect(await faultsAfter(spoil)).toContain(fault);
  });

  it('knows of a notice whose call comes when all else has ended, once the archive does', async () => {
    const { run, archived, receivers } = goodRound();
    const notice = { id: 'notice', webhook: 9, event: 'n1', type: 'Webhook.Exhausted', status: 'pending' };
    let looks = 0;
    const deliveries = async () => (++looks > 2 ? [...archived.deliveries, notice] : archived.deliveries);
    receivers.calls.set(notice.id, receivers.calls.get(idOf(1))!);
    const late = { ...run, archive: { ...run.archive, deliveries } };
    const { faults } = await reconcile(late, 0, { ...NO_WAIT, knownWithinMs: 5_000 });
    expect(faults.filter((fault: string) => fault.includes('does not know'))).toEqual([]);
    expect(looks).toBeGreaterThan(2);
  });

  it('and a call that came twice while its outcome was not on the log is counted, not a fault', async () => {
    const { run, receivers } = goodRound();
    receivers.calls.get(first)!.push({ ...receivers.calls.get(first)![0]!, at: 9_999 });
    const { faults, counts } = await reconcile(run, 0, NO_WAIT);
    expect([faults, counts.repeats]).toEqual([[], 1]);
  });
});
