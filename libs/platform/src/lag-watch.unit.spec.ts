import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { LagWatch, type GroupLag } from './lag-watch.js';
import { createMetrics } from './metrics.js';

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOW = 100 * DAY_MS;
let open: LagWatch | undefined;
afterEach(() => open?.close());

/** Group `signing` with a lag in `topic` whose oldest record is as old as the test says. */
function watching(topic: string) {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const metrics = createMetrics({ processMetrics: false });
  let oldestMs: number | undefined;
  const lags = (): GroupLag[] => [{ group: 'signing', topic, oldestMs }];
  const watch = (open = new LagWatch({ lags, now: () => NOW, metrics, logger }));
  const metric = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value;
  return {
    ...{ watch, lines },
    aged: (ageMs: number | undefined) => (oldestMs = ageMs === undefined ? undefined : NOW - ageMs),
    late: () => metric('switchhook_consumer_late_total'),
    seconds: () => metric('switchhook_consumer_lag_seconds'),
  };
}

describe('a group that lags', () => {
  it('is unready, counted and logged once, from half of the retention of its topic until it has caught up', async () => {
    const { watch, lines, aged, late } = watching('deliveries.requested.v1');
    aged(3.5 * DAY_MS);
    expect([watch.check(), await late(), lines]).toEqual([undefined, undefined, []]);
    aged(3.5 * DAY_MS + 1);
    const reason = 'group signing has not finished a record of deliveries.requested.v1 that is 84 hours old';
    expect([watch.check(), watch.check(), await late()]).toEqual([reason, reason, 1]);
    expect(lines).toMatchObject([{ level: 50, group: 'signing', topic: 'deliveries.requested.v1' }]);
    aged(undefined);
    expect(watch.check()).toBeUndefined();
    expect(lines).toHaveLength(2);
    aged(4 * DAY_MS);
    expect(watch.check()).toBe(reason.replace('84', '96'));
    expect(await late()).toBe(2);
  });

  it('is measured by the retention of that topic, and by the lag of compaction where there is one', () => {
    for (const [topic, days] of [
      ['events.v1.rejected', 15],
      ['webhooks.v1', 3.5],
    ] as const) {
      const { watch, aged } = watching(topic);
      aged(days * DAY_MS);
      expect(watch.check()).toBeUndefined();
      aged(days * DAY_MS + 1);
      expect(watch.check()).toContain(topic);
      watch.close();
    }
  });

  it('is never too late for a topic that keeps the newest record of each key for ever', () => {
    const { watch, aged } = watching('credentials.v1');
    aged(99 * DAY_MS);
    expect(watch.check()).toBeUndefined();
  });

  it('shows its age in seconds, and 0 when it has finished all', async () => {
    const { watch, aged, seconds } = watching('events.v1');
    aged(90_000);
    watch.measure();
    expect(await seconds()).toBe(90);
    aged(undefined);
    watch.measure();
    expect(await seconds()).toBe(0);
  });
});
