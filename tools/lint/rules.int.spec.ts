import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { ESLint } from 'eslint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const boundaries = 'switchhook/boundaries';
const lines = (count: number): string => 'void 0;\n'.repeat(count);

/** One violation per row: where it is planted, what, and the rule that must refuse it. */
const planted: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['libs/contracts/src/p.ts', "import '@switchhook/domain';", boundaries],
  ['libs/contracts/src/p.ts', "import 'pino';", boundaries],
  ['libs/contracts/src/p.ts', "import 'node:os';", boundaries],
  ['libs/domain/src/p.ts', "import '@switchhook/event-store';", boundaries],
  ['libs/domain/src/p.ts', "import type { DataSource } from 'typeorm';\nexport type D = DataSource;", boundaries],
  ['libs/domain/src/p.ts', "import 'zod';", boundaries],
  ['libs/domain/src/p.ts', "import 'a-package-that-is-not-installed';", boundaries],
  ['libs/domain/src/p.ts', "import 'fs';", boundaries],
  ['libs/domain/src/p.ts', "import { createHmac } from 'node:crypto';\nvoid createHmac;", boundaries],
  ['libs/domain/src/p.ts', "export const later = import('node:fs');", boundaries],
  ['libs/domain/src/p.ts', "export { z } from 'zod';", boundaries],
  ['libs/domain/src/p.ts', 'export const now = new Date();', 'no-restricted-syntax'],
  ['libs/domain/src/p.ts', 'export const now = Date.now();', 'no-restricted-syntax'],
  ['libs/domain/src/p.ts', 'export const dice = Math.random();', 'no-restricted-syntax'],
  ['libs/domain/src/p.ts', 'export const later = async (): Promise<number> => 1;', 'no-restricted-syntax'],
  ['libs/domain/src/p.ts', 'export const home = process.env.HOME;', 'no-restricted-globals'],
  ['libs/domain/src/names.ts', "import { randomUUID } from 'node:crypto';\nvoid randomUUID;", 'no-restricted-syntax'],
  ['libs/event-store/src/p.ts', "import '@switchhook/platform';", boundaries],
  ['libs/event-store/src/p.ts', "import '@switchhook/event-log';", boundaries],
  ['libs/event-store/src/p.ts', "import '@switchhook/testing';", boundaries],
  ['libs/platform/src/p.ts', "import '@switchhook/delivery';", boundaries],
  ['libs/platform/src/p.ts', "import '../../domain/src/names.js';", boundaries],
  ['libs/platform/src/p.ts', "import '@switchhook/domain/dist/index.js';", boundaries],
  ['libs/platform/src/p.ts', "import './testing/fake.js';", boundaries],
  ['libs/testing/src/p.ts', "import '@switchhook/platform';", boundaries],
  ['apps/delivery/src/p.ts', "import '@switchhook/signing';", boundaries],
  ['apps/delivery/src/p.ts', "import './other';", boundaries],
  ['apps/switchhook/src/p.ts', "import '@switchhook/delivery/src/delivery.js';", boundaries],
  ['apps/e2e/src/p.e2e.spec.ts', "import '@switchhook/domain';", boundaries],
  ['apps/delivery/src/p.unit.spec.ts', "import 'sinon';", boundaries],
  ['apps/delivery/src/p.unit.spec.ts', "import { vi } from 'vitest';\nvi.mock('./x.js');", 'no-restricted-syntax'],
  ['apps/delivery/src/p.ts', "export * from './other.js';", 'no-restricted-syntax'],
  [
    'apps/delivery/src/p.ts',
    'export const f = (a: { b?: () => void }): void => void (a.b = () => {});',
    'no-restricted-syntax',
  ],
  [
    'apps/delivery/src/p.ts',
    'const d = (): ClassDecorator => () => {};\n@d()\nexport class C { x = 1; }',
    'no-restricted-syntax',
  ],
  [
    'apps/delivery/src/p.ts',
    'export const f = (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1) => [a, b, c, d, e, f];',
    'no-restricted-syntax',
  ],
  [
    'apps/delivery/src/p.unit.spec.ts',
    'await new Promise((resolve) => setTimeout(resolve, 5));',
    'no-restricted-syntax',
  ],
  ['apps/delivery/src/p.ts', 'export const x: any = 1;', '@typescript-eslint/no-explicit-any'],
  ['apps/delivery/src/p.ts', '// @ts-ignore\nexport const x: string = 1;', '@typescript-eslint/ban-ts-comment'],
  ['apps/delivery/src/p.ts', '/* eslint-disable */\nexport const x: any = 1;', '@typescript-eslint/no-explicit-any'],
  ['apps/delivery/src/p.ts', 'Promise.resolve(1);', '@typescript-eslint/no-floating-promises'],
  ['apps/delivery/src/p.ts', 'export interface IStore { x: 1 }', '@typescript-eslint/naming-convention'],
  ['apps/delivery/src/p.ts', lines(301), 'max-lines'],
  ['apps/delivery/src/p.ts', `export function long(): void {\n${lines(60)}}`, 'max-lines-per-function'],
  [
    'apps/delivery/src/p.ts',
    `export const f = (x: number) => { ${'if (x) x += 1;'.repeat(13)} return x; };`,
    'complexity',
  ],
  [
    'apps/delivery/src/p.ts',
    `export const f = (x: number) => { ${'if (x) {'.repeat(5)}x += 1;${'}'.repeat(5)} };`,
    'max-depth',
  ],
];

/** What must pass, in the same places. */
const clean: readonly (readonly [file: string, code: string])[] = [
  ['libs/contracts/src/clean.ts', "import { z } from 'zod';\nexport const id = z.int();\n"],
  ['libs/domain/src/signature.ts', "import { createHmac } from 'node:crypto';\nexport const hmac = createHmac;\n"],
  [
    'libs/domain/src/clean.ts',
    "import type { KeyObject } from 'node:crypto';\nimport type {} from '@switchhook/contracts';\nexport type Key = KeyObject;\n",
  ],
  [
    'libs/domain/src/clean.unit.spec.ts',
    "import fc from 'fast-check';\nimport { it } from 'vitest';\nit('holds', async () => fc.assert(fc.property(fc.nat(), (n) => n >= 0)));\n",
  ],
  [
    'apps/delivery/src/clean.int.spec.ts',
    "import { createDatabase } from '@switchhook/testing';\nexport const database = createDatabase;\n",
  ],
  [
    'apps/delivery/src/clean.module.ts',
    'const d = (): ClassDecorator => () => {};\n@d()\nexport class CleanModule {}\n',
  ],
  ['apps/switchhook/src/clean.ts', "import type {} from '@switchhook/delivery';\nexport const x = 1;\n"],
];

describe('the lint rules', () => {
  const workspace = mkdtempSync(join(tmpdir(), 'switchhook-lint-'));
  let results: ESLint.LintResult[] = [];

  beforeAll(async () => {
    copyWorkspace(workspace);
    const files = [
      ...planted.map(([file, code], index) => plant(plantedPath(file, index), code)),
      ...clean.map(([file, code]) => plant(file, code)),
    ];
    results = await new ESLint({ cwd: workspace }).lintFiles(files);
  });
  afterAll(() => rmSync(workspace, { recursive: true }));

  it.each(planted.map(([file, code, rule], index) => ({ file, rule, index, code: code.slice(0, 60) })))(
    'refuse in $file: $code ($rule)',
    ({ file, rule, index }) => {
      expect(rulesBrokenIn(plantedPath(file, index))).toContain(rule);
    },
  );

  it.each(clean.map(([file]) => file))('let %s pass', (file) => {
    expect(rulesBrokenIn(file)).toEqual([]);
  });

  /** A folder of its own for each, below `src`, so that all are linted in one go; the file's name may matter. */
  function plantedPath(file: string, index: number): string {
    if (file === 'libs/domain/src/names.ts') return file;
    return file.replace(/src\/(.*)$/, (_, name: string) => `src/p${index}.${name.replace(/^p\./, '')}`);
  }

  function plant(file: string, code: string): string {
    mkdirSync(dirname(join(workspace, file)), { recursive: true });
    writeFileSync(join(workspace, file), code);
    return file;
  }

  function rulesBrokenIn(file: string): string[] {
    const result = results.find(({ filePath }) => relative(workspace, filePath) === file);
    if (!result) throw new Error(`${file} was not linted`);
    return result.messages.map(({ ruleId, message }) => ruleId ?? message);
  }
});

/** The configuration without the sources: what is planted is all there is. */
function copyWorkspace(target: string): void {
  const keep =
    /^(apps|libs)\/[^/]+\/(package|tsconfig)\.json$|^(tsconfig\.base\.json|tsconfig\.json|package\.json|eslint\.config\.mjs)$|^tools\/lint\/[^/]+\.mjs$/;
  const folders = /^(apps|libs)(\/[^/]+)?$|^tools(\/lint)?$/;
  cpSync(root, target, {
    recursive: true,
    filter: (source) => {
      const path = relative(root, source);
      return path === '' || folders.test(path) || keep.test(path);
    },
  });
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'));
}
