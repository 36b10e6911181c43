// Import cycles inside a project: ESLint and the compiler see one file at a time.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** The circles of files below `folder` that import each other, each as paths from there; types count like values. */
export function importCycles(folder) {
  const files = sources(folder);
  const imports = new Map(files.map((file) => [file, relativeImports(file)]));
  return circles(imports).map((circle) => circle.map((file) => relative(folder, file)));
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(ts|mjs)$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

function relativeImports(file) {
  const found = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map(([, path]) => resolve(dirname(file), path.replace(/\.js$/, '.ts')));
}

/** Strongly connected components with more than one member (Tarjan 1972), and files that import themselves. */
function circles(imports) {
  const found = [];
  const order = new Map();
  const low = new Map();
  const stack = [];
  const enter = (file) => {
    order.set(file, order.size);
    low.set(file, order.get(file));
    stack.push(file);
    for (const target of imports.get(file)) {
      if (!imports.has(target)) continue;
      if (!order.has(target)) {
        enter(target);
        low.set(file, Math.min(low.get(file), low.get(target)));
      } else if (stack.includes(target)) low.set(file, Math.min(low.get(file), order.get(target)));
    }
    if (low.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || imports.get(file).includes(file)) found.push(circle);
  };
  for (const file of imports.keys()) if (!order.has(file)) enter(file);
  return found;
}
