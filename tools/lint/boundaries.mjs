// Who may import whom (docs/adr/0007): an ESLint rule that reads the Nx tags of the package.json files. Nx's own rule asks
// its project graph, which is cached, and missed violations in files that were newer than the graph.
import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** Arrows point inward only. */
export const MAY_USE = {
  contracts: [],
  domain: ['contracts'],
  adapter: ['contracts', 'domain'],
  platform: ['contracts', 'domain', 'adapter'],
  app: ['contracts', 'domain', 'adapter', 'platform'],
  composition: ['contracts', 'domain', 'adapter', 'platform', 'app'],
  testing: ['contracts'],
  e2e: ['contracts', 'testing'],
};

/** Packages from outside; a type that is not named here may use any. */
const EXTERNALS = { contracts: ['zod'], domain: ['ipaddr.js'] };

/** The one thing of Node that pure code needs, and where. */
const PURE_CRYPTO_FILES = ['src/signature.ts', 'src/names.ts'];

/** Specs, and the fakes and suites that only specs use. */
const SPEC = /\.(spec|conformance|fixture)\.[tj]s$|\/src\/(testing|conformance)\//;

const MOCKING = /^(sinon|testdouble|ts-mockito|jest|jest-mock|vitest-mock-extended|proxyquire|mockery|nock|msw)(\/|$)/;

/** The projects of a workspace: `{ name, folder, types }`, types being the words after `type:` in the Nx tags. */
export function readProjects(root) {
  return ['apps', 'libs'].flatMap((kind) =>
    readdirSync(join(root, kind)).map((entry) => {
      const folder = join(root, kind, entry);
      const { name, nx } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const types = (nx?.tags ?? []).filter((tag) => tag.startsWith('type:')).map((tag) => tag.slice('type:'.length));
      return { name, folder, types };
    }),
  );
}

/** The plugin, for the projects below `root`. */
export function boundariesPlugin(root) {
  const projects = readProjects(root);
  return {
    rules: { boundaries: { meta: { type: 'problem', schema: [] }, create: (context) => visit(context, projects) } },
  };
}

function visit(context, projects) {
  const file = context.filename;
  const project = projects.find(({ folder }) => file.startsWith(folder + sep));
  const check = (node, isType = false) => {
    if (typeof node?.value !== 'string') return;
    const fault = project ? judge(node.value, { file, project, projects, isType }) : judgeMocking(node.value);
    if (fault) context.report({ node, message: fault });
  };
  return {
    ImportDeclaration: (node) => check(node.source, node.importKind === 'type'),
    ExportNamedDeclaration: (node) => check(node.source),
    ExportAllDeclaration: (node) => check(node.source),
    ImportExpression: (node) => check(node.source),
    TSImportType: (node) => check(node.source ?? node.argument?.literal),
  };
}

/** What is wrong with an import, or undefined. */
function judge(specifier, { file, project, projects, isType }) {
  if (specifier.startsWith('.')) return judgeRelative(specifier, file, project);
  const isSpec = SPEC.test(file);
  const [type] = project.types;
  if (specifier.startsWith('@switchhook/')) return judgeProject(specifier, { type, isSpec, project, projects });
  if (isSpec) return judgeMocking(specifier);
  if (isBuiltin(specifier)) return judgeBuiltin(specifier, { type, isType, path: relative(project.folder, file) });
  const externals = EXTERNALS[type];
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (externals && !externals.includes(name))
    return `type:${type} may use only ${externals.join(' and ')} from outside.`;
  return judgeMocking(specifier);
}

function judgeRelative(specifier, file, project) {
  const target = resolve(dirname(file), specifier);
  if (!target.startsWith(project.folder + sep))
    return `Another project is imported by its package name, not by a path.`;
  if (!specifier.endsWith('.js')) return 'A relative import ends in .js.';
  if (SPEC.test(target) && !SPEC.test(file) && project.types[0] !== 'testing')
    return 'Only specs use what is made for specs.';
  return undefined;
}

function judgeProject(specifier, { type, isSpec, project, projects }) {
  const target = projects.find(({ name }) => name === specifier);
  if (!target) return `A project is imported through its package root only; there is no ${specifier}.`;
  if (target === project) return 'A project imports its own files by path.';
  const allowed = [...(MAY_USE[type] ?? []), ...(isSpec ? ['testing'] : [])];
  if (allowed.includes(target.types[0])) return undefined;
  return `type:${type} may not use type:${target.types[0]} (${target.name}).`;
}

function judgeBuiltin(specifier, { type, isType, path }) {
  if (!(type in EXTERNALS)) return undefined;
  const mayHash = PURE_CRYPTO_FILES.includes(path) || isType;
  if (type === 'domain' && specifier === 'node:crypto' && mayHash) return undefined;
  return `type:${type} has no I/O: ${specifier} may not be used here.`;
}

function judgeMocking(specifier) {
  return MOCKING.test(specifier)
    ? 'No mocking library: write a fake, proven by the conformance suite of its port.'
    : undefined;
}
