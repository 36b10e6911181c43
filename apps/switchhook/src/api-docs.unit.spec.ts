import 'reflect-metadata';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { describe, expect, it } from 'vitest';
import { serviceFor } from './roles.js';

interface Swagger {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly definitions: Readonly<Record<string, unknown>>;
}

const controllers = serviceFor({}).modules.flatMap((module) => module.register({}).controllers ?? []);
const pathOf = (target: object): string => String(Reflect.getMetadata(PATH_METADATA, target) ?? '');

/** `GET /webhooks/{id}`: what the controllers of all services answer under /v2. */
function answered(): string[] {
  return controllers.flatMap((controller: Type) =>
    Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
      const handler = (controller.prototype as Record<string, object>)[name]!;
      const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
      if (typeof method !== 'number') return [];
      const path = `/${pathOf(controller)}/${pathOf(handler)}`.replace(/\/+/g, '/').replace(/\/$/, '');
      return [`${RequestMethod[method]} ${path.replace(/^\/v2/, '').replace(/:(\w+)/g, '{$1}')}`];
    }),
  );
}

function served(): Swagger {
  const docs = controllers.find((controller) => pathOf(controller) === 'v2/api-docs') as Type<{
    swagger(request: object): Swagger;
  }>;
  return new docs().swagger({ host: 'localhost', protocol: 'http' });
}

describe('/v2/api-docs/swagger.json', () => {
  it('has every path that a service answers under /v2, and no other', () => {
    const described = Object.entries(served().paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(
      answered()
        .filter((route) => route !== 'GET /api-docs/swagger.json')
        .sort(),
    );
  });

  it('names each operation once, and defines what it refers to', () => {
    const document = served();
    const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((one) => one.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"#\/definitions\/(\w+)"/g)].map(([, name]) => name);
    expect(references.filter((name) => !(name! in document.definitions))).toEqual([]);
  });
});
