import { HttpFault } from './http-errors.js';

/** What is answered when no route has method and path: `options` with the methods of the path, or a fault. */
export type UnroutedAnswer =
  | { readonly kind: 'options'; readonly allow: string; readonly fault?: undefined }
  | { readonly kind: 'fault'; readonly fault: HttpFault };

/** The routes that were registered, to tell "no such path" (404) from "not that method" (405 with `Allow`, RFC 9110 §15.5.6). */
export class RouteTable {
  readonly #routes: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] = [];

  /** `pattern` as Fastify writes it: `/v2/webhooks/:id`, `*` at the end for any rest. */
  add(methods: string | readonly string[], pattern: string): void {
    this.#routes.push({ segments: segmentsOf(pattern), methods: [methods].flat() });
  }

  answerFor(method: string, url: string): UnroutedAnswer {
    const allowed = this.#methodsOf(url);
    if (allowed.length === 0)
      return { kind: 'fault', fault: new HttpFault('notFound', 'There is nothing under this path') };
    const allow = [...allowed, 'OPTIONS'].join(', ');
    if (method === 'OPTIONS') return { kind: 'options', allow };
    return {
      kind: 'fault',
      fault: new HttpFault('methodNotAllowed', `${method} is not allowed here`, { headers: { allow } }),
    };
  }

  #methodsOf(url: string): string[] {
    const path = segmentsOf(url.split('?', 1)[0] ?? '');
    const methods = this.#routes.filter(({ segments }) => fits(segments, path)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  }
}

const segmentsOf = (path: string): string[] => path.replace(/^\/|\/$/g, '').split('/');

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) === '*') return pattern.slice(0, -1).every((segment, at) => same(segment, path[at]));
  return pattern.length === path.length && pattern.every((segment, at) => same(segment, path[at]));
}

const same = (segment: string, part: string | undefined): boolean =>
  part !== undefined && (segment.startsWith(':') ? part !== '' : segment === part);

/** Whether `path` (no query) is one of those that `pattern` means, see `RouteTable.add`. */
export const pathFits = (pattern: string, path: string): boolean => fits(segmentsOf(pattern), segmentsOf(path));
