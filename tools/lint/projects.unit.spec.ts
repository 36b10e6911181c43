import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAY_USE, readProjects } from './boundaries.mjs';
import { importCycles } from './cycles.mjs';

const root = resolve(import.meta.dirname, '../..');
const projects: { name: string; folder: string; types: string[] }[] = readProjects(root);
const trackedFiles = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
})
  .toString()
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

describe.each(projects)('project $name', ({ folder, types }) => {
  it('has exactly one known type, so that the boundary rule knows what it may use', () => {
    expect(types).toHaveLength(1);
    expect(Object.keys(MAY_USE)).toContain(types[0]);
  });

  it('has no circle of imports', () => {
    expect(importCycles(join(folder, 'src'))).toEqual([]);
  });

  it('has one index.ts at most, at its root', () => {
    const indexes = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' });
    expect(indexes.filter((path) => /(^|\/)index\.ts$/.test(path) && path !== 'index.ts')).toEqual([]);
  });
});

describe.each(projects.filter(({ types }) => types[0] === 'app'))('app $name', ({ name, folder }) => {
  it('opens with the same files as every other app', () => {
    const short = name.replace('@switchhook/', '');
    const opening = ['src/main.ts', 'src/start.ts', 'src/config.ts', `src/${short}.module.ts`, 'README.md'];
    expect(opening.filter((path) => !existsSync(join(folder, path)))).toEqual([]);
    expect(readFileSync(join(folder, 'src/start.ts'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(15);
  });
});

describe.each(projects.filter(({ folder }) => existsSync(join(folder, 'src/main.ts'))))(
  'main.ts of $name',
  ({ folder }) => {
    it('loads nothing of its own before the compile cache is on', () => {
      const main = readFileSync(join(folder, 'src/main.ts'), 'utf8');
      const loaded = [...main.matchAll(/^import .*from '(.*)';$/gm)].map(([, from]) => from);
      expect(loaded.filter((from) => !from?.startsWith('node:'))).toEqual([]);
      expect(main).toMatch(/^enableCompileCache\(.*\);\nawait import\('\.\/start\.js'\);$/m);
    });

    it('lets the old generation double before it compiles anything, so that the cache is of the same flags each time', () => {
      const main = readFileSync(join(folder, 'src/main.ts'), 'utf8');
      expect(main).toMatch(/^setFlagsFromString\('--heap-growing-percent=100'\);\n(\/\/.*\n)*enableCompileCache/m);
    });
  },
);

describe('the check for circles of imports', () => {
  it('finds a circle through three files and leaves a straight line alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchhook-cycles-'));
    const files = {
      a: "import { b } from './b.js';",
      b: "import type { C } from './c.js';",
      c: "export { a } from './a.js';",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.ts`), text);
    writeFileSync(join(folder, 'd.ts'), "import { a } from './a.js';");
    const cycles = importCycles(folder);
    rmSync(folder, { recursive: true });
    expect(cycles.map((cycle: string[]) => cycle.toSorted())).toEqual([['a.ts', 'b.ts', 'c.ts']]);
  });
});

describe('what is committed', () => {
  const text = trackedFiles.filter(
    (path) => /\.(ts|mjs|json|md|ya?ml|sh)$|^\.ci\/run$/.test(path) && path !== 'package-lock.json',
  );

  it('names no folder of the machine that it was made on', () => {
    const here = `${dirname(root)}/`;
    expect(text.filter((path) => readFileSync(join(root, path), 'utf8').includes(here))).toEqual([]);
  });

  it('names no registry in the lock file: whoever installs uses his own', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    const hosts = [...lock.matchAll(/"resolved": "https?:\/\/([^/"]+)/g)].map(([, host]) => host);
    expect([...new Set(hosts)]).toEqual([]);
  });

  it('has only links that lead somewhere', () => {
    const broken = text
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => linksOf(path).map((target) => ({ path, target })))
      .filter(({ path, target }) => !existsSync(resolve(root, dirname(path), target)))
      .map(({ path, target }) => `${path}: ${relative(root, resolve(root, dirname(path), target))}`);
    expect(broken).toEqual([]);
  });

  function linksOf(path: string): string[] {
    const links = readFileSync(join(root, path), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g);
    return [...links].map(([, target]) => target ?? '');
  }
});
