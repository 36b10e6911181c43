import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { POINTS as TABLE } from './points.mjs';

interface Point {
  readonly name: string;
  readonly channel: string;
  readonly says: string;
  readonly engine?: string;
}

const POINTS: readonly Point[] = TABLE;

const root = join(import.meta.dirname, '../..');
const isProduct = (path: string): boolean => !/\.spec\.ts$|\/testing\/|\.fixture\.ts$/.test(path);
const sources = globSync('{apps,libs}/*/src/**/*.ts', { cwd: root })
  .filter(isProduct)
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** Channel → where it is passed: `file:NAME` for each constant whose `publish` is called in its file. */
const planted = new Map<string, string[]>();
for (const { path, text } of sources) {
  for (const [, constant = '', channel = ''] of text.matchAll(/const (\w+) = channel\('switchhook\.([^']+)'\)/g)) {
    const calls = text.split(`${constant}.publish(`).length - 1;
    planted.set(channel, [...(planted.get(channel) ?? []), ...Array<string>(calls).fill(`${path}:${constant}`)]);
  }
}

it('there are at least 30 named points on each engine, each with a name of its own and a sentence', () => {
  for (const engine of ['kafka', 'embedded']) {
    const names = POINTS.filter((point) => (point.engine ?? engine) === engine).map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(30);
    expect(new Set(names).size).toBe(names.length);
  }
  for (const { says } of POINTS) expect(says.length).toBeGreaterThan(10);
});

it.each(POINTS)('the point $name is passed somewhere in the product', ({ channel }) => {
  expect(planted.get(channel) ?? []).not.toEqual([]);
});

it('every point in the product is in the table', () => {
  const known = new Set(POINTS.map(({ channel }) => channel));
  expect([...planted.keys()].filter((channel) => !known.has(channel))).toEqual([]);
});

it('nothing in the product listens to its points: only a process that was given end-here.mjs can end at one', () => {
  const listens = /\.subscribe\(|from 'node:diagnostics_channel'/;
  const imports = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => listens.test(line) && line.includes('diagnostics_channel'))
      .map((line) => `${path}: ${line}`),
  );
  expect(imports.filter((line) => !line.endsWith("import { channel } from 'node:diagnostics_channel';"))).toEqual([]);
  expect(sources.filter(({ text }) => /SWITCHHOOK_CRASH_AT/.test(text)).map(({ path }) => path)).toEqual([]);
});
