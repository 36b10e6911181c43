import type { Server as HttpServer, RequestListener } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LIMITS } from '@switchhook/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Logger as NestPinoLogger, PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';
import { authenticate, type AuthRequest } from './basic-auth.js';
import { addBodyParsers } from './body-parsers.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { PlatformModule } from './platform.module.js';
import { addRequestLog } from './request-log.js';
import type { Resources } from './resources.js';
import { RouteTable } from './route-table.js';

export interface AppOptions {
  readonly resources: Resources;
  readonly modules: readonly DynamicModule[];
  /** A server that listens already; `onHandler` gets the function that answers its requests. For specs: leave it out and `inject`. */
  readonly server?: HttpServer;
  readonly onHandler?: (handler: RequestListener) => void;
}

/**
 * The Nest application of `modules` on Fastify, initialised and ready to answer: body parsers, Basic authentication before
 * any body is read, and our error bodies. Consumers are not started (consume.ts).
 */
export async function createApp(options: AppOptions): Promise<NestFastifyApplication> {
  const { resources, modules } = options;
  const routes = new RouteTable();
  const filter = new HttpErrorFilter(resources.logger, routes);
  const adapter = new FastifyAdapter(fastifyOptions(options, filter));
  prepareFastify(adapter.getInstance<FastifyInstance>(), resources, routes);
  const root: DynamicModule = { module: RootModule, imports: [PlatformModule.forRoot(resources), ...modules] };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  const params = { pinoHttp: { logger: frameworkLogger(resources.logger) } };
  app.useLogger(new NestPinoLogger(new PinoLogger(params), params));
  app.useGlobalFilters(filter);
  await app.init();
  await adapter.getInstance<FastifyInstance>().ready();
  return app;
}

class RootModule {}

/** Nest tells every route and module at info; that is for who debugs. */
function frameworkLogger(logger: Logger): Logger {
  const asIs = logger.isLevelEnabled('debug') || !logger.isLevelEnabled('warn');
  return asIs ? logger : logger.child({}, { level: 'warn' });
}

function fastifyOptions({ server, onHandler }: AppOptions, filter: HttpErrorFilter) {
  return {
    bodyLimit: LIMITS.requestBytes,
    routerOptions: { maxParamLength: 1_024 },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    // A bad URL is answered before any hook or filter can run.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      filter.answer(error, request, reply),
    ...(server && {
      serverFactory: (handler: RequestListener) => {
        onHandler?.(handler);
        return server;
      },
    }),
  };
}

/** Zod checks what comes in. Without this, Fastify would load and build compilers of JSON schemas at each start. */
function noSchemas(): never {
  throw new Error('No route has a JSON schema: bodies and queries are checked with zod');
}

function prepareFastify(fastify: FastifyInstance, resources: Resources, routes: RouteTable): void {
  addBodyParsers(fastify);
  fastify.addHook('onRoute', ({ method, url }) => routes.add(method, url));
  fastify.addHook('onRequest', async (request) => {
    await authenticate(request as unknown as AuthRequest, resources.credentials);
  });
  addRequestLog(fastify, resources.logger);
}
