import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createMetrics } from '@switchhook/platform';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '..');
const text = readFileSync(resolve(root, 'docs/operations.md'), 'utf8');
const cells = new Set([...text.matchAll(/^\| `([A-Za-z_ ]+)(?:\{[a-z,]+\})?`/gm)].map(([, name]) => name));

it('operators find every metric of ours explained', async () => {
  const metrics = await createMetrics({ processMetrics: false }).registry.getMetricsAsJSON();
  expect(metrics.map(({ name }) => name).filter((name) => !cells.has(name))).toEqual([]);
});

it('operators find what to do for every alert', () => {
  const { groups } = parse(readFileSync(resolve(root, 'docker/prometheus/rules.yml'), 'utf8'));
  const alerts: string[] = groups.flatMap(({ rules }: { rules: { alert: string }[] }) =>
    rules.map(({ alert }) => alert),
  );
  expect(alerts.filter((name) => !cells.has(name))).toEqual([]);
});
